//! Celery for Python, as PyPI has it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Python with Celery 5.5 or 5.6, in an environment of its own under target/, which is made where it is not there yet; `None` where it can't be.
/// `POWERCRUD_TEST_CELERY_5_5` and `…_5_6` name others.
pub(crate) fn celery(version: &str) -> Option<PathBuf> {
    let pinned = match version {
        "5.5" => "5.5.3",
        _ => "5.6.2",
    };
    if let Some(given) = std::env::var_os(format!("POWERCRUD_TEST_CELERY_{}", version.replace('.', "_"))) {
        return Some(given.into());
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join(format!("celery-{version}"));
    make(&home, pinned).then(|| home.join("bin/python"))
}

/// One process makes it, others wait.
fn make(home: &Path, version: &str) -> bool {
    let ready = home.join(format!("ready-{version}"));
    let lock = home.with_extension(format!("{version}.lock"));
    let deadline = Instant::now() + Duration::from_secs(300);
    while !ready.exists() {
        if std::fs::create_dir(&lock).is_err() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(200));
            continue;
        }
        let run =
            |program: &Path, args: &[&str]| Command::new(program).args(args).status().is_ok_and(|it| it.success());
        let celery = format!("celery[redis]=={version}");
        let install = ["install", "--quiet", "--disable-pip-version-check", &celery, "flower==2.2.0"];
        let made = run(Path::new("python3"), &["-m", "venv", "--clear", &home.display().to_string()])
            && run(&home.join("bin/pip"), &install)
            && std::fs::write(&ready, "").is_ok();
        let _ = std::fs::remove_dir(&lock);
        if !made {
            return false;
        }
    }
    true
}
