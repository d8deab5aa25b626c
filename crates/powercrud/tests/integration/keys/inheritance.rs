//! PostgreSQL: tables that inherit repeat the keys of their parents, rules rewrite statements, deferrable keys arbitrate nothing.

use powercrud::{
    Selection, User,
    db::Value,
    query::{ListParams, choices, count, linked, list},
    record,
    task::Status,
};

use crate::{
    shop::{Rows, carry_out, counts, delete, discovered, in_background, keys, matching, rows, update},
    support::{TestDatabase, each_database},
};

each_database! {
    [postgres]
    a_parent_has_its_own_rows, references_lead_to_own_rows, partitions_are_one_table, rules_are_not_written_through,
    links_with_a_deferrable_key
}

const FAMILY: &str = "
    CREATE TABLE par (id integer PRIMARY KEY, name text NOT NULL, cat text NOT NULL, n integer NOT NULL DEFAULT 0);
    CREATE TABLE chi (PRIMARY KEY (id)) INHERITS (par);
    CREATE TABLE grandchi (extra text) INHERITS (chi);
    INSERT INTO par VALUES (1, 'par 1', 'a'), (2, 'par 2', 'b'), (3, 'par 3', 'a');
    INSERT INTO chi VALUES (1, 'chi 1', 'b'), (2, 'chi 2', 'a'), (4, 'chi 4', 'a');
    INSERT INTO grandchi VALUES (1, 'grand 1', 'b'), (5, 'grand 5', 'a');";

async fn family(database: &TestDatabase) -> [Rows; 3] {
    let columns = ["id", "name", "cat", "n"];
    [
        rows(database, "ONLY par", &columns).await,
        rows(database, "ONLY chi", &columns).await,
        rows(database, "ONLY grandchi", &columns).await,
    ]
}

async fn a_parent_has_its_own_rows(database: TestDatabase) {
    database.execute(FAMILY).await;
    let app = discovered(&database).await;
    let [par, chi, grandchi] = family(&database).await;
    let resource = app.resource("par").expect("a resource");
    let page = list(&app, resource, &ListParams::default()).await.expect("a list");
    let names: Vec<_> = page.rows.iter().map(|row| row.cells[1].value.to_text()).collect();
    assert_eq!(names, ["par 1", "par 2", "par 3"]);
    assert_eq!(count(&app, resource, &ListParams::default()).await.expect("a count"), 3);
    let row = record::get(&app, resource, "1").await.expect("the record");
    assert_eq!(row.cells[1].value, Value::Text("par 1".into()));
    assert!(record::get(&app, resource, "4").await.is_err(), "that is a child's");

    // What plain SQL says with ONLY.
    let set = |rows: &Rows, n: &str, ids: &[&str]| {
        let mut rows = rows.clone();
        for id in ids {
            rows.get_mut(*id).expect("a row")[2] = Some(n.to_owned());
        }
        rows
    };
    record::update(&app, &User::operator(), resource, "2", &[("n".into(), Some("5".into()))]).await.expect("written");
    let par = set(&par, "5", &["2"]);
    assert_eq!(family(&database).await, [par.clone(), chi.clone(), grandchi.clone()]);
    for (n, selection) in [("6", matching(&app, "par", &["cat=a"])), ("7", keys([1, 3]))] {
        let task = carry_out(&app, in_background(update("par", selection, [("n", Some(n))]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)), "{}", task.error_message);
        assert_eq!(family(&database).await, [set(&par, n, &["1", "3"]), chi.clone(), grandchi.clone()]);
    }
    let task = carry_out(&app, in_background(update("chi", Selection::All, [("n", Some("8"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (3, 0, 0)), "{}", task.error_message);
    let chi = set(&chi, "8", &["1", "2", "4"]);
    let par = set(&par, "7", &["1", "3"]);
    assert_eq!(family(&database).await, [par.clone(), chi.clone(), grandchi.clone()]);
    // Deletes, of keys that children have as well and of keys that only they have.
    let task = carry_out(&app, delete("par", keys([1, 4]))).await;
    assert_eq!((counts(&task), task.missing_records), ((2, 0, 0), 1));
    let mut par = par;
    par.remove("1");
    assert_eq!(family(&database).await, [par.clone(), chi.clone(), grandchi.clone()]);
    let task = carry_out(&app, delete("par", matching(&app, "par", &["cat=a"]))).await;
    assert_eq!(counts(&task), (1, 0, 0));
    record::delete(&app, &User::operator(), resource, "2").await.expect("deleted");
    assert_eq!(family(&database).await, [Rows::new(), chi, grandchi]);
}

async fn references_lead_to_own_rows(database: TestDatabase) {
    database.execute(FAMILY).await;
    database
        .execute(
            "CREATE TABLE note (id integer PRIMARY KEY, par_id integer REFERENCES par (id));
             INSERT INTO note VALUES (1, 1), (2, 2);
             CREATE TABLE par_note (par_id integer REFERENCES par (id), note_id integer REFERENCES note (id), PRIMARY KEY (par_id, note_id));
             INSERT INTO par_note VALUES (1, 1);",
        )
        .await;
    let app = discovered(&database).await;
    let note = app.resource("note").expect("a resource");
    let page = list(&app, note, &ListParams::default()).await.expect("a list");
    assert_eq!(page.rows[0].cells[1].display.as_deref(), Some("par 1"));
    let offered = choices(&app, note, "par_id", "", 20).await.expect("choices");
    assert_eq!(offered.iter().map(|choice| choice.label.as_str()).collect::<Vec<_>>(), ["par 1", "par 2", "par 3"]);
    let refused = record::update(&app, &User::operator(), note, "1", &[("par_id".into(), Some("4".into()))]).await;
    assert!(refused.is_err(), "a child is no target");
    let links = &note.many_to_many[0];
    let linked = linked(&app, note, "1", links, 20).await.expect("links");
    assert_eq!(linked.iter().map(|choice| choice.label.as_str()).collect::<Vec<_>>(), ["par 1"]);
    let task =
        carry_out(&app, update("note", keys([2]), [(format!("{}__add", links.name).as_str(), Some("2,3"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (1, 0, 0)), "{}", task.error_message);
    assert_eq!(crate::shop::count(&database, "par_note").await, 3);
    // Records of the parent alone are kept by what refers to them.
    let task = carry_out(&app, in_background(delete("par", keys([1, 3])))).await;
    assert_eq!(counts(&task), (0, 2, 0));
}

async fn partitions_are_one_table(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE whole (id integer, day integer, n integer, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
             CREATE TABLE early PARTITION OF whole FOR VALUES FROM (0) TO (10);
             CREATE TABLE late PARTITION OF whole FOR VALUES FROM (10) TO (20);
             INSERT INTO whole SELECT id, day, 0 FROM generate_series(1, 3) id, generate_series(8, 12) day;",
        )
        .await;
    let app = discovered(&database).await;
    assert!(app.resource("early").is_err(), "partitions are how it is stored");
    let task =
        carry_out(&app, in_background(update("whole", matching(&app, "whole", &["day__gte=9"]), [("n", Some("1"))])))
            .await;
    assert_eq!(counts(&task), (12, 0, 0));
    let task = carry_out(&app, delete("whole", keys([r#"["1","9"]"#, r#"["1","10"]"#]))).await;
    assert_eq!((counts(&task), task.missing_records), ((2, 0, 0), 0));
    assert_eq!(crate::shop::count(&database, "whole").await, 13);
}

async fn rules_are_not_written_through(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE ruled (id integer PRIMARY KEY, n integer);
             CREATE RULE keep AS ON DELETE TO ruled DO INSTEAD UPDATE ruled SET n = -1 WHERE id = OLD.id;
             INSERT INTO ruled VALUES (1, 0), (2, 0);",
        )
        .await;
    let app = discovered(&database).await;
    let resource = app.resource("ruled").expect("a resource");
    let reason = resource.read_only.as_deref().expect("read-only");
    assert!(reason.contains("rule") && reason.contains("keep"), "{reason}");
    assert_eq!(list(&app, resource, &ListParams::default()).await.expect("a list").rows.len(), 2);
}

async fn links_with_a_deferrable_key(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE item (id integer PRIMARY KEY, name text);
             CREATE TABLE tag (id integer PRIMARY KEY, name text);
             CREATE TABLE item_tag (item_id integer REFERENCES item, tag_id integer REFERENCES tag,
                 PRIMARY KEY (item_id, tag_id) DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO item SELECT g, 'item ' || g FROM generate_series(1, 30) g;
             INSERT INTO tag VALUES (1, 'one'), (2, 'two');
             INSERT INTO item_tag SELECT g, 1 FROM generate_series(1, 10) g;",
        )
        .await;
    let app = discovered(&database).await;
    for (links, inputs) in
        [(40, ("tags__add", Some("1"))), (60, ("tags__add", Some("1,2"))), (30, ("tags__replace", Some("2")))]
    {
        let before = crate::shop::count(&database, "item_tag").await;
        let task = carry_out(&app, update("item", Selection::All, [inputs])).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{} {before}", task.error_message);
        assert_eq!(crate::shop::count(&database, "item_tag").await, if links == 40 { 30 } else { links });
    }
}
