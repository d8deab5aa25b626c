//! Within each crate modules form no circle, and none asks the crate's root for what a module has. Between crates the compiler sees to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

const CRATES: [&str; 4] = ["powercrud-db", "powercrud-engine", "powercrud", "powercrud-cli"];

/// The modules at the top of a crate that each of its modules at the top uses.
fn uses(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
    let (mut uses, mut folders) = (BTreeMap::<String, BTreeSet<String>>::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&root).expect("within").with_extension("");
            let module = inside.iter().next().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a file");
            let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            if !["lib", "main"].contains(&module.as_str()) {
                uses.entry(module).or_default().extend(names_behind_crate(&code.join("\n")));
            }
        }
    }
    uses
}

/// What stands behind `crate::`, also in braces.
fn names_behind_crate(code: &str) -> BTreeSet<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let Some(list) = part.strip_prefix('{') else {
            names.insert(name(part));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !c.is_whitespace() => {
                    names.insert(name(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn modules_form_no_circle() {
    for name in CRATES {
        let uses = uses(name);
        assert!(uses.len() > 5, "{name}: {uses:?}");
        for (module, used) in &uses {
            let unknown: Vec<_> = used.iter().filter(|other| !uses.contains_key(*other)).collect();
            assert!(
                unknown.is_empty(),
                "{name}: {module} uses {unknown:?} of the crate's root; name the module that has it"
            );
        }
        let circle = in_circles(uses);
        assert!(circle.is_empty(), "{name}: these modules need each other: {circle:#?}");
    }
}

/// Takes away what uses nothing that is left, until nothing is left or what is in a circle.
fn in_circles(uses: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let mut left = uses;
    loop {
        let free =
            left.iter().find(|(module, used)| used.iter().all(|name| name == *module || !left.contains_key(name)));
        let Some(free) = free.map(|(module, _)| module.clone()) else { return left };
        left.remove(&free);
    }
}

#[test]
fn a_circle_is_seen() {
    let uses = |pairs: &[(&str, &[&str])]| {
        let pairs = pairs
            .iter()
            .map(|(module, used)| ((*module).to_owned(), used.iter().map(|name| (*name).to_owned()).collect()));
        pairs.collect::<BTreeMap<String, BTreeSet<String>>>()
    };
    assert!(in_circles(uses(&[("a", &["a", "b"]), ("b", &["c"]), ("c", &[])])).is_empty());
    assert_eq!(in_circles(uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).len(), 3);
}
