//! What ARCHITECTURE.md says must stay true and a compiler does not see.

use std::path::{Path, PathBuf};

/// The libraries above the database's.
const LIBRARIES: [&str; 2] = ["src", "../powercrud-engine/src"];

/// The source files under `folder` of the library, each with its path and text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 5, "{folder} has only {} source files", found.len());
    found
}

/// Fails where code (not a comment or a test module) outside `allowed` has one of `words`.
fn only_in(allowed: &[&str], words: &[&str], why: &str) {
    let mut offenders = Vec::new();
    for (name, text) in LIBRARIES.iter().flat_map(|folder| sources(folder)) {
        if allowed.iter().any(|allowed| name == *allowed || name.starts_with(&format!("{allowed}/"))) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().enumerate();
        for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                offenders.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(offenders.is_empty(), "{why}:\n{}", offenders.join("\n"));
}

#[test]
fn only_db_knows_which_database_it_talks_to() {
    let kinds = ["Dialect::Sqlite", "Dialect::Postgres", "Dialect::Mysql"];
    let asked = kinds.map(|kind| [format!("{kind} =>"), format!("{kind} |"), format!("= {kind}")]);
    let mut words: Vec<&str> = asked.iter().flatten().map(String::as_str).collect();
    words.extend(["DbBackend::", "DatabaseBackend::"]);
    let allowed = ["../powercrud-engine/src/own/migrations.rs", "../powercrud-engine/src/own/migrations"];
    only_in(
        &allowed,
        &words,
        "only powercrud-db, and the definitions of PowerCRUD's own tables, may ask which database it is",
    );
}

#[test]
fn only_web_speaks_http() {
    let words = ["axum::", "tower_http::", "StatusCode"];
    let allowed = [
        "src/web.rs",
        "src/web",
        "src/app.rs",
        "src/app/doors.rs",
        "src/app/pages.rs",
        "src/notify/webhook.rs",
        "src/notify/webhook",
    ];
    only_in(&allowed, &words, "only web may know HTTP, app a request's head, and a webhook how to make one");
    only_in(&allowed, &["hyper::", "hyper_util::", "http_body_util::"], "only a webhook makes requests");
}

#[test]
fn only_the_command_line_reads_arguments_and_prints() {
    let words = ["clap::", "println!", "eprintln!", "std::process::exit"];
    only_in(&[], &words, "a library neither prints nor ends its program");
}

#[test]
fn a_file_is_one_idea() {
    let long: Vec<_> = [
        "src",
        "tests",
        "../powercrud-engine/src",
        "../powercrud-db/src",
        "../powercrud-cli/src",
        "../powercrud-cli/tests",
    ]
    .iter()
    .flat_map(|folder| sources(folder))
    .map(|(name, text)| (name, text.lines().count()))
    .filter(|(_, lines)| *lines > 450)
    .collect();
    assert!(long.is_empty(), "these ask to be several files: {long:?}");
}
