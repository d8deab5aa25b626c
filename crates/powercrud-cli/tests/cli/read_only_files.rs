//! SQLite files that the program's user may not write, or not beside: served for reading where SQLite can read them, and told else.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use powercrud::db::Database;
use sea_orm::ConnectionTrait as _;

use crate::{
    program::{Run, command, finish},
    serve::Server,
    support::{Kind, TestDatabase, run},
};

/// Root may write everywhere.
const NOBODY: u32 = 65_534;

/// A folder in which the program may make no files, although others may.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// A copy of the database that nobody has open, with PowerCRUD's tables, in the journal mode that is asked for.
    async fn add(&self, database: &TestDatabase, name: &str, journal: &str, mode: u32) -> String {
        let path = self.0.join(name);
        let vacuum = format!("VACUUM INTO '{}'", path.display());
        database.connection().execute_unprepared(&vacuum).await.expect("a copy");
        if journal == "wal" {
            let copy = Database::connect(&format!("sqlite:{}", path.display())).await.expect("it opens");
            copy.connection().clone().close().await.expect("it closes");
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        format!("sqlite:{}", path.display())
    }

    /// The program as somebody who may make no files in the folder.
    fn command(&self, arguments: &[&str], url: &str) -> Command {
        fs::set_permissions(&self.0, Permissions::from_mode(0o575)).expect("a mode");
        let mut command = command(&[arguments, &["--database", url]].concat());
        if fs::metadata(&self.0).expect("a folder").uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn run(&self, arguments: &[&str], url: &str) -> Run {
        finish(self.command(arguments, url))
    }

    fn serves_for_reading(&self, url: &str) {
        let mut command = self.command(&["serve", "--bind", "127.0.0.1:0"], url);
        command.stderr(Stdio::null());
        let server = Server::spawn(command);
        let list = server.get("/resources/shelf");
        assert!(list.starts_with("HTTP/1.1 200") && list.contains("Read-only"), "{list}");
        assert_eq!(server.stop(), Some(0));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o755));
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_makes_its_file_read_only() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO shelf VALUES (1, 'top');")
            .await;
        powercrud::db::migrate(&database).await.expect("migrations");
        let folder = Folder::new("read_only_folder");
        let url = folder.add(&database, "delete.db", "delete", 0o666).await;
        let check = folder.run(&["check"], &url).exits(0);
        assert!(check.stdout.contains("1, 1 of them read-only"), "{check}");
        let resources = folder.run(&["resources"], &url).exits(0);
        assert!(resources.stdout.contains("its folder can't be written: Permission denied"), "{resources}");
        for dry in [&["--dry-run"][..], &[]] {
            let update = ["bulk", "update", "shelf", "--all", "--set", "name=x"];
            folder.run(&[&update, dry].concat(), &url).exits(1).complains(&["its folder can't be written"]);
        }
        folder.serves_for_reading(&url);
    })
    .await;
}

/// To read a file in WAL mode SQLite writes beside it.
#[tokio::test]
async fn a_file_in_wal_mode_that_cannot_be_read_is_told_with_what_to_do() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO shelf VALUES (1, 'top');")
            .await;
        powercrud::db::migrate(&database).await.expect("migrations");
        let folder = Folder::new("read_only_wal");
        for mode in [0o444, 0o666] {
            let url = folder.add(&database, &format!("wal{mode}.db"), "wal", mode).await;
            for url in [url.clone(), format!("{url}?mode=ro")] {
                for command in [&["check"][..], &["resources"], &["serve", "--bind", "127.0.0.1:0"]] {
                    let told = ["in WAL mode", "can't be written", "PRAGMA journal_mode = DELETE", "immutable=1"];
                    folder.run(command, &url).exits(1).complains(&told);
                }
            }
            folder.serves_for_reading(&format!("{url}?immutable=1"));
            fs::set_permissions(&folder.0, Permissions::from_mode(0o755)).expect("a mode");
        }
        let url = folder.add(&database, "delete.db", "delete", 0o444).await;
        folder.serves_for_reading(&url);
    })
    .await;
}
