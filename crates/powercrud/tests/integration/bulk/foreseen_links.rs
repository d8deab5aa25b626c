//! What a preview foretells of links that go is what happens: to the records, and to the rows that hang on their links.

use powercrud::{
    Selection,
    bulk::{Preview, plan},
    task::store,
};

use crate::{
    shop::{carry_out, changes_of, count, counts, discovered, in_background, keys, update},
    support::{TestDatabase, each_database},
};

each_database! { what_hangs_on_links, what_hangs_behind_them, triggers_of_the_join_table }

/// Records 1 to 6 with links to 1, 2 and 3; and notes, which go with their links, marks, which are emptied, and holds, which stand in the
/// way of the link of 4 with 1. A record of 5 and 6 fails by a CHECK where `v` is 9.
async fn tables(database: &TestDatabase) {
    database
        .execute(
            "CREATE TABLE a (id integer PRIMARY KEY, v integer NOT NULL, CHECK (v <> 9 OR id < 5));
             CREATE TABLE b (id integer PRIMARY KEY, name varchar(9) NOT NULL);
             CREATE TABLE ab (a_id integer NOT NULL, b_id integer NOT NULL, PRIMARY KEY (a_id, b_id),
               FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE, FOREIGN KEY (b_id) REFERENCES b (id));
             CREATE TABLE note (id integer PRIMARY KEY, a_id integer, b_id integer,
               FOREIGN KEY (a_id, b_id) REFERENCES ab (a_id, b_id) ON DELETE CASCADE);
             CREATE TABLE mark (id integer PRIMARY KEY, a_id integer, b_id integer,
               FOREIGN KEY (a_id, b_id) REFERENCES ab (a_id, b_id) ON DELETE SET NULL);
             CREATE TABLE hold (id integer PRIMARY KEY, a_id integer, b_id integer,
               FOREIGN KEY (a_id, b_id) REFERENCES ab (a_id, b_id));
             CREATE TABLE reply (id integer PRIMARY KEY, note integer, FOREIGN KEY (note) REFERENCES note (id) ON DELETE CASCADE);
             INSERT INTO a VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0);
             INSERT INTO b VALUES (1, 'one'), (2, 'two'), (3, 'three');
             INSERT INTO ab SELECT a.id, b.id FROM a, b;
             INSERT INTO note VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 3), (5, 5, 1);
             INSERT INTO mark VALUES (1, 1, 3), (2, 2, 3), (3, 4, 1), (4, 6, 1);
             INSERT INTO hold VALUES (1, 4, 1), (2, 1, 2);",
        )
        .await;
}

async fn foreseen(app: &powercrud::PowerCrud, inputs: &[(&str, Option<&str>)]) -> Preview {
    let mut request = in_background(update("a", Selection::All, [("v", None)]));
    request.operation = powercrud::bulk::Requested::Update(changes_of(inputs.iter().copied()));
    let preview = plan(app, request.clone()).await.expect("a plan").preview().await.expect("a preview");
    let task = carry_out(app, request).await;
    let errors = store::errors(app, &powercrud::User::operator(), task.id, 0, 99).await.expect("errors");
    assert_eq!(preview.failing_records, errors.len() as u64, "{preview:?} {errors:?}");
    assert_eq!(preview.changing_records + preview.unchanged_records, counts(&task).0, "{preview:?}");
    for failure in &preview.failures {
        let such = errors.iter().filter(|error| error.code == failure.code).count() as u64;
        assert_eq!(failure.records, such, "{preview:?} {errors:?}");
    }
    for error in errors.iter().filter(|error| error.code == "FOREIGN_KEY") {
        assert_eq!(error.field.as_deref(), Some("bs"));
        assert!(error.message.contains("other records refer to links that would go"), "{error:?}");
    }
    preview
}

/// Table, what becomes of its rows, how many, and with what.
fn told(preview: &Preview) -> Vec<(&str, &str, u64, Option<&str>)> {
    let mut told: Vec<_> = preview
        .referrers
        .iter()
        .map(|other| (other.table.as_str(), other.action, other.records, other.through.as_deref()))
        .collect();
    told.sort_unstable();
    told
}

async fn what_hangs_on_links(database: TestDatabase) {
    for (inputs, failing, notes, marks) in [
        (&[("bs__replace", Some("2"))][..], 1, 3, 3),
        (&[("bs__remove", Some("1"))][..], 1, 2, 1),
        (&[("bs__add", Some("2"))][..], 0, 0, 0),
        (&[("v", Some("9")), ("bs__replace", Some("2"))][..], 3, 2, 2),
        (&[("bs", None)][..], 2, 3, 2),
    ] {
        tables(&database).await;
        let app = discovered(&database).await;
        let preview = foreseen(&app, inputs).await;
        assert_eq!(preview.failing_records, failing, "{inputs:?}: {preview:?}");
        let mut expected = Vec::new();
        if failing > 0 {
            let holds = if inputs[0].0 == "bs" { 2 } else { 1 };
            expected.push(("hold", "restrict", holds, Some("ab")));
        }
        if marks > 0 {
            expected.extend([("mark", "set_null", marks, Some("ab")), ("note", "cascade", notes, Some("ab"))]);
        }
        assert_eq!(told(&preview), expected, "{inputs:?}");
        assert!(preview.unfollowed.is_empty() && preview.unknown.is_empty(), "{preview:?}");
        // The task has done so.
        assert_eq!(count(&database, "note").await as u64, 5 - notes, "{inputs:?}");
        assert_eq!(count(&database, "mark WHERE a_id IS NULL").await as u64, marks, "{inputs:?}");
        database.execute("DROP TABLE reply; DROP TABLE hold; DROP TABLE mark; DROP TABLE note; DROP TABLE ab; DROP TABLE b; DROP TABLE a;").await;
    }
}

async fn what_hangs_behind_them(database: TestDatabase) {
    tables(&database).await;
    database.execute("INSERT INTO reply VALUES (1, 1), (2, 1), (3, 3);").await;
    let app = discovered(&database).await;
    let request = in_background(update("a", keys([1, 2, 3]), [("bs__remove", Some("1,3"))]));
    let preview = plan(&app, request).await.expect("a plan").preview().await.expect("a preview");
    let expected = [
        ("mark", "set_null", 2, Some("ab")),
        ("note", "cascade", 2, Some("ab")),
        ("reply", "cascade", 3, Some("note")),
    ];
    assert_eq!(told(&preview), expected);
}

/// They can't be asked beforehand.
async fn triggers_of_the_join_table(database: TestDatabase) {
    tables(&database).await;
    let trigger = match database.kind {
        crate::support::Kind::Postgres => {
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER t AFTER INSERT ON ab FOR EACH ROW EXECUTE FUNCTION f();"
        }
        crate::support::Kind::Sqlite => "CREATE TRIGGER t AFTER INSERT ON ab BEGIN SELECT 1; END;",
        crate::support::Kind::Mysql => "CREATE TRIGGER t AFTER INSERT ON ab FOR EACH ROW SET @t = 1;",
    };
    database.execute(trigger).await;
    let app = discovered(&database).await;
    for (inputs, expected) in
        [([("bs__add", Some("1"))], vec!["triggers of Bs"]), ([("bs__remove", Some("2"))], Vec::new())]
    {
        let request = in_background(update("a", keys([3]), inputs));
        let preview = plan(&app, request).await.expect("a plan").preview().await.expect("a preview");
        assert_eq!(preview.unknown, expected);
    }
}
