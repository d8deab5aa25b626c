//! Where the database's address and the settings come from.

use crate::{
    program::{command, finish, number, on},
    support::{Kind, TestDatabase, run},
};

const TABLE: &str =
    "CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT, price INTEGER); INSERT INTO item VALUES (1, 'a', 2);";

/// A folder of this test's own, gone when it ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn with_configuration(name: &str, text: &str) -> Self {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("powercrud.toml"), text).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_address_comes_from_the_command_line_then_the_environment_then_the_file() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(TABLE).await;
        let nowhere = "sqlite:/nowhere/shop.db";
        let start = |file: &str, variable: Option<&str>, argument: Option<&str>| {
            let folder = Folder::with_configuration("address", &format!("database_url = {file:?}"));
            let mut command = command(&["resources"]);
            command.current_dir(&folder.0);
            if let Some(url) = variable {
                command.env("POWERCRUD_DATABASE_URL", url);
            }
            if let Some(url) = argument {
                command.args(["--database", url]);
            }
            finish(command)
        };
        assert!(start(&database.url, None, None).exits(0).stdout.contains("item"));
        start(&database.url, Some(nowhere), None).exits(1);
        start(nowhere, Some(&database.url), None).exits(0);
        start(&database.url, Some(&database.url), Some(nowhere)).exits(1);
        start(nowhere, Some(nowhere), Some(&database.url)).exits(0);
    })
    .await;
}

#[tokio::test]
async fn settings_of_the_file_hold_and_its_mistakes_are_named_together() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(TABLE).await;
        let folder =
            Folder::with_configuration("settings", "[resources.item]\nbulk_fields = [\"title\"]\nbulk_delete = false");
        let file = folder.0.join("powercrud.toml").display().to_string();
        let refused = ["bulk", "update", "item", "--set", "price=5", "--all", "--config", &file];
        on(&database, &refused).exits(64).complains(&["price", "allowed are: title"]);
        on(&database, &["bulk", "delete", "item", "--all", "--config", &file]).exits(1).complains(&["switched off"]);
        assert_eq!(number(&database, "SELECT price FROM item").await, 2);

        let mistakes = "concurrency = 0\ncolour = 1\n[resources.item]\npaginate_by = \"x\"";
        let folder = Folder::with_configuration("mistakes", mistakes);
        let file = folder.0.join("powercrud.toml").display().to_string();
        on(&database, &["check", "--config", &file]).exits(1).complains(&[
            &format!("{file}: concurrency: 0"),
            "colour: there is no such setting",
            "resources.item.paginate_by",
        ]);

        // These are only known to be wrong once the database is known.
        let mistakes = "[resources.itme]\npaginate_by = 5\n[resources.item]\nlist_fields = [\"titel\"]";
        let folder = Folder::with_configuration("unknown", mistakes);
        let file = folder.0.join("powercrud.toml").display().to_string();
        on(&database, &["check", "--config", &file]).exits(1).complains(&["resources.itme", "titel", "title"]);

        // What only the database tells is told with the rest, each at its place.
        let mistakes = "concurrency = 0\nnosuch = 1\n[resources.item]\nlist_fields = [\"nope\"]\npaginate_by = 99999\n[resources.zzz]";
        let folder = Folder::with_configuration("all", mistakes);
        let file = folder.0.join("powercrud.toml").display().to_string();
        for arguments in [&["check"][..], &["serve"], &["worker"], &["task", "list"], &["resources"]] {
            let told = on(&database, &[arguments, &["--config", &file]].concat()).exits(1).complains(&[
                "5 mistake(s)",
                &format!("{file}: concurrency: 0 is not allowed"),
                &format!("{file}: nosuch: there is no such setting"),
                &format!("{file}: resources.item.list_fields: there is no field \"nope\""),
                &format!("{file}: resources.item.paginate_by: 99999 is not allowed"),
                &format!("{file}: resources.zzz: there is no such resource"),
            ]);
            assert_eq!(told.stdout, "", "{told}");
        }
        let mut variables = command(&["check", "--database", &database.url]);
        variables.env("POWERCRUD_RESOURCES__item__PAGINATE_BY", "99999").env("POWERCRUD_CONCURRENCY", "0");
        variables.env("POWERCRUD_RESOURCES__zzz__PAGINATE_BY", "5").env("POWERCRUD_BASE_URL", "here");
        finish(variables).exits(1).complains(&[
            "4 mistake(s)",
            "environment: POWERCRUD_CONCURRENCY: 0 is not allowed",
            "environment: POWERCRUD_RESOURCES__item__PAGINATE_BY: 99999 is not allowed",
            "environment: POWERCRUD_RESOURCES__zzz: there is no such resource",
            "environment: POWERCRUD_BASE_URL: \"here\" is not allowed",
        ]);

        let missing = ["check", "--config", "not-there.toml"];
        on(&database, &missing).exits(1).complains(&["can't read the configuration not-there.toml"]);
    })
    .await;
}

/// The examples of deploy/config; nothing that they name is connected to before the tables are made.
#[tokio::test]
async fn the_examples_have_no_mistakes() {
    run(Kind::Postgres, async |database: TestDatabase| {
        database.execute(TABLE).await;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/config");
        for name in ["small", "medium", "high-volume"] {
            let file = folder.join(format!("{name}.toml"));
            let checked = on(&database, &["check", "--config", file.to_str().expect("a path")]);
            assert!(checked.stdout.contains("configuration  no mistakes"), "{name}: {checked}");
        }
    })
    .await;
}
