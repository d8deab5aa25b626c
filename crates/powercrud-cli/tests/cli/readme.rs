//! What docs/api.md shows works as it is written there, on the demo.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{program::finish, serve::Server, support::skip};

/// The lines of the first example that begin with a call of the program or of curl, with the lines that they go on in.
fn calls() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = std::fs::read_to_string(path).expect("docs/api.md");
    let section = text.split("```").nth(1).expect("an example");
    section.trim().replace("\\\n", " ").lines().map(str::to_owned).collect()
}

#[test]
fn calls_of_the_api_work_on_the_demo() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("the calls of docs/api.md", "curl is not installed");
    }
    let folder = Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{}", std::process::id())));
    let shop = folder.0.join("powercrud-demo").display().to_string();
    let server = Server::run(&["demo", "--rows", "300", "--data-dir", &shop, "--bind", "127.0.0.1:0"]);
    let program = Path::new(env!("CARGO_BIN_EXE_powercrud")).parent().expect("a folder").display().to_string();
    let mut calls = calls();
    assert_eq!(calls.len(), 3, "{calls:?}");
    let token = calls.remove(0);
    for (call, number) in calls.iter().zip(["count", "total_records"]) {
        let call = call.replace("localhost:8000", &server.address);
        let mut shell = Command::new("sh");
        let path = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
        shell.arg("-c").arg(format!("{token}\n{call} --silent --show-error --fail-with-body")).current_dir(&folder.0);
        shell.env("PATH", path);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POWERCRUD_")) {
            shell.env_remove(name);
        }
        let answer: Value = finish(shell).exits(0).json();
        assert!(answer[number].as_u64().is_some_and(|number| number > 0), "{call}: {answer:#}");
    }
    assert_eq!(server.stop(), Some(0));
}

/// Gone when the test ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
