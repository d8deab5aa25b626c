//! Names that collide, names that an address can't carry as they are, and columns beyond the first eight.

use powercrud::{PowerCrud, Resource};

use crate::{
    support::{Kind, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { every_name_has_an_address_of_its_own, all_columns_without_a_key_are_shown, composite_foreign_keys_lead_to_their_record }
each_database! { [postgres] tables_of_two_schemas_are_told_apart }
each_database! { [postgres sqlite] tables_of_one_name_in_words_are_told_apart }

async fn every_name_has_an_address_of_its_own(database: TestDatabase) {
    let quote = |name: &str| match database.kind {
        Kind::Mysql => format!("`{name}`"),
        _ => format!("\"{name}\""),
    };
    // MariaDB ends no name with a blank, and takes no dot at its end on some systems.
    let names =
        ["..", "a.b", "a/b", "a b", "ä?&#", "%2F", "new", "a_b", "A-B", "choices", "-", "a+b", "book-x", "~", ".x"];
    for (number, name) in names.iter().enumerate() {
        let table = quote(name);
        database
            .execute(&format!(
                "CREATE TABLE {table} (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)); INSERT INTO {table} VALUES (1, 'row of {number}.');"
            ))
            .await;
    }
    database.execute("CREATE TABLE book (id INT NOT NULL PRIMARY KEY);").await;
    let with_suffix = Resource::table("book").suffix("x");
    let app = PowerCrud::builder(&database)
        .open_to_everybody()
        .resource(with_suffix)
        .discover(true)
        .build()
        .await
        .expect("it starts");
    assert_eq!(app.resources().len(), names.len() + 1);
    let mut browser = Browser::new(app.router());
    let home = browser.get("/").await.expect(200);
    let mut found = Vec::new();
    for link in home.links().into_iter().filter(|link| link.starts_with("/resources/")) {
        let page = browser.get(&link).await.expect(200);
        found.extend((0..names.len()).find(|number| page.text.contains(&format!("row of {number}."))));
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (0..names.len()).collect::<Vec<_>>());
}

async fn tables_of_two_schemas_are_told_apart(database: TestDatabase) {
    database
        .execute(
            r#"CREATE SCHEMA sales; CREATE SCHEMA "a.b"; CREATE SCHEMA a;
            CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE sales.orders (id INT PRIMARY KEY);
            CREATE TABLE "a.b".c (id INT PRIMARY KEY, one INT); CREATE TABLE a."b.c" (id INT PRIMARY KEY, two INT);
            CREATE TABLE "sales.orders" (id INT PRIMARY KEY, three INT);"#,
        )
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("it starts");
    let label = |name: &str| {
        let resource = app.resource(name).expect("a resource");
        (resource.label.clone(), resource.label_plural.clone())
    };
    assert_eq!(label("orders"), ("order".into(), "orders".into()));
    assert_eq!(label("\"sales\".\"orders\""), ("order (sales)".into(), "orders (sales)".into()));
    let names: Vec<_> = app.resources().iter().map(|resource| resource.name.as_str()).collect();
    let expected = ["\"a\".\"b.c\"", "\"a.b\".\"c\"", "\"sales\".\"orders\"", "\"sales.orders\"", "orders"];
    assert_eq!(names, expected);
    let mut browser = Browser::new(app.router());
    for resource in app.resources() {
        let answer = browser.get("/").await.expect(200);
        let links = answer.links();
        assert!(
            links.iter().filter(|link| link.starts_with("/resources/")).count() >= 5,
            "{}: {links:?}",
            resource.name
        );
    }
}

async fn all_columns_without_a_key_are_shown(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE wide (c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT, c8 INT, c9 INT, c10 VARCHAR(20));
             INSERT INTO wide VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 'the last of all');
             CREATE VIEW all_of_it AS SELECT * FROM wide;",
        )
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("it starts");
    let mut browser = Browser::new(app.router());
    for name in ["wide", "all_of_it"] {
        browser.get(&format!("/resources/{name}")).await.expect(200).holds(&["the last of all"]);
    }
}

async fn composite_foreign_keys_lead_to_their_record(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE flight (line VARCHAR(5) NOT NULL, number INT NOT NULL, PRIMARY KEY (line, number));
             CREATE TABLE seat (id INT NOT NULL PRIMARY KEY, flight_number INT, flight_line VARCHAR(5),
               FOREIGN KEY (flight_number, flight_line) REFERENCES flight (number, line));
             INSERT INTO flight VALUES ('LH', 7);
             INSERT INTO seat VALUES (1, 7, 'LH'), (2, NULL, 'LH');"
                .replace(
                    "PRIMARY KEY (line, number)",
                    if database.kind == Kind::Sqlite {
                        "PRIMARY KEY (line, number), UNIQUE (number, line)"
                    } else {
                        "PRIMARY KEY (line, number), CONSTRAINT turned UNIQUE (number, line)"
                    },
                )
                .as_str(),
        )
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("it starts");
    let mut browser = Browser::new(app.router());
    let page = browser.get("/resources/seat/records/1").await.expect(200);
    let link = page.links().into_iter().find(|link| link.starts_with("/resources/flight/records/")).expect("a link");
    browser.get(&link).await.expect(200).holds(&["LH"]);
    let none = browser.get("/resources/seat/records/2").await.expect(200);
    assert!(!none.links().iter().any(|link| link.starts_with("/resources/flight/records/")));
    let flight = link.trim_end_matches('/').to_owned() + "/delete";
    browser.get(&flight).await.expect(200).holds(&["be deleted", "seat"]);
}

async fn tables_of_one_name_in_words_are_told_apart(database: TestDatabase) {
    let other = if database.kind == Kind::Sqlite { "staff-" } else { "Staff" };
    database
        .execute(&format!(
            "CREATE TABLE staff (id INT NOT NULL PRIMARY KEY); CREATE TABLE \"{other}\" (id INT NOT NULL PRIMARY KEY);
             CREATE TABLE books (id INT NOT NULL PRIMARY KEY); CREATE TABLE book (id INT NOT NULL PRIMARY KEY);
             CREATE TABLE page (id INT NOT NULL PRIMARY KEY);"
        ))
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("it starts");
    let labels: Vec<_> = app.resources().iter().map(|resource| resource.label_plural.clone()).collect();
    for label in ["staffs (staff)", &format!("staffs ({other})"), "books (book)", "books (books)", "pages"] {
        assert!(labels.iter().any(|known| known == label), "{label} is not among {labels:?}");
    }
}
