//! Many-to-many fields: what a bulk edit does to the links of each record, and that it does nothing else.

use std::collections::BTreeSet;

use powercrud::{
    PowerCrud, Resource, Selection,
    bulk::{Answer, BulkRequest, Requested, plan, retry},
    task::Status,
};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    shop::{
        assert_no_locks, carry_out, changes_of, counts, discovered, failures, in_background, items, keys, matching,
        queue, update, work,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    each_operation, fields_and_links_together, from_the_other_side, keys_of_every_kind, what_a_preview_says, mistakes,
    a_record_that_is_refused, everything_or_nothing, a_target_that_goes_before_the_work, many_records
}

each_database! { [mysql] a_trigger_that_counts_links }

/// Items `1..=count`, tags 1 to 6, and links of the items whose number the tag's divides.
async fn tagged(database: &TestDatabase, count: usize) {
    items(database, count).await;
    database
        .execute(
            "CREATE TABLE tag (id integer PRIMARY KEY, name varchar(40) NOT NULL);
             INSERT INTO tag VALUES (1, 'one'), (2, 'Sale'), (3, 'New'), (4, 'four'), (5, 'five'), (6, 'six');
             CREATE TABLE item_tag (item_id integer NOT NULL, tag_id integer NOT NULL, since integer DEFAULT 7 NOT NULL,
               PRIMARY KEY (item_id, tag_id), FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE,
               FOREIGN KEY (tag_id) REFERENCES tag (id));
             INSERT INTO item_tag (item_id, tag_id) SELECT item.id, tag.id FROM item JOIN tag ON item.id % tag.id = 0
               WHERE tag.id > 1;",
        )
        .await;
}

type Links = BTreeSet<(i64, i64)>;
type Inputs = &'static [(&'static str, Option<&'static str>)];
type Selected = fn(i64) -> bool;
/// A field of a sample with what it held before and holds after.
type Sampled = (String, Option<String>, Option<String>);

/// A change of the items that `selection` holds.
fn change(selection: Selection, inputs: &[(&str, Option<&str>)]) -> BulkRequest {
    let mut request = update("item", selection, []);
    request.operation = Requested::Update(changes_of(inputs.iter().copied()));
    request
}

async fn links_of(database: &TestDatabase, table: &str, columns: [&str; 2]) -> Links {
    let integer = if database.kind == Kind::Mysql { "SIGNED" } else { "bigint" };
    let [a, b] = columns.map(|column| format!("CAST({column} AS {integer})"));
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), format!("SELECT {a}, {b} FROM {table}"));
    let rows = connection.query_all_raw(statement).await.expect("links");
    let number = |row: &sea_orm::QueryResult, index| row.try_get_by_index::<i64>(index).expect("a number");
    let links: Vec<_> = rows.iter().map(|row| (number(row, 0), number(row, 1))).collect();
    let set: Links = links.iter().copied().collect();
    assert_eq!(set.len(), links.len(), "no link is there twice");
    set
}

async fn links(database: &TestDatabase) -> Links {
    links_of(database, "item_tag", ["item_id", "tag_id"]).await
}

/// With few records in a chunk, so that there are several.
async fn in_chunks(database: &TestDatabase) -> PowerCrud {
    let item = Resource::table("item").bulk_chunk_size(7u64);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .discover(true)
        .resource(item)
        .build()
        .await
        .expect("a configuration")
}

async fn each_operation(database: TestDatabase) {
    tagged(&database, 60).await;
    let app = in_chunks(&database).await;
    // With gaps and without, and records that are not there.
    let selections: [(&[&str], Selected); 3] = [
        (&["id__gte=5", "id__lte=48"], |id| (5..=48).contains(&id)),
        (&["status=new"], |id| id % 3 == 0),
        (&["id__in=3,4,9,17,18,19,60,61"], |id| [3, 4, 9, 17, 18, 19, 60].contains(&id)),
    ];
    type Model = fn(&mut BTreeSet<i64>);
    let operations: [(Inputs, Model); 7] = [
        (&[("tags__add", Some("1, 2"))], |tags| tags.extend([1, 2])),
        (&[("tags__remove", Some("3,6"))], |tags| tags.retain(|tag| ![3, 6].contains(tag))),
        (&[("tags__add", Some("[\"5\", 6]")), ("tags__remove", Some("2"))], |tags| {
            tags.remove(&2);
            tags.extend([5, 6]);
        }),
        (&[("tags__replace", Some("4,4,3"))], |tags| *tags = BTreeSet::from([3, 4])),
        (&[("Tags", Some("1,4"))], |tags| *tags = BTreeSet::from([1, 4])),
        (&[("tags", None)], BTreeSet::clear),
        (&[("tags__clear", None)], BTreeSet::clear),
    ];
    for (conditions, selected) in selections {
        for (inputs, model) in operations {
            let mut expected = links(&database).await;
            for id in (1..=60).filter(|id| selected(*id)) {
                let mut tags = expected.iter().filter(|(item, _)| *item == id).map(|(_, tag)| *tag).collect();
                model(&mut tags);
                expected.retain(|(item, _)| *item != id);
                expected.extend(tags.into_iter().map(|tag| (id, tag)));
            }
            let request = change(matching(&app, "item", conditions), inputs);
            let task = carry_out(&app, in_background(request)).await;
            let total = (1..=60).filter(|id| selected(*id)).count() as u64;
            assert_eq!((task.status, counts(&task)), (Status::Success, (total, 0, 0)), "{:?}", task.changes);
            assert_eq!(links(&database).await, expected, "{conditions:?} {:?}", task.changes);
        }
        // Once everything is linked with something, the next selection has something to take away.
        carry_out(&app, in_background(update("item", Selection::All, [("tags__add", Some("2,3,6"))]))).await;
    }
    let touched = crate::shop::rows(&database, "item", &["id", "touched"]).await;
    assert!(touched.values().all(|row| row[0].as_deref() == Some("0")), "the records themselves stay as they were");
    assert_no_locks(&database).await;
}

async fn fields_and_links_together(database: TestDatabase) {
    tagged(&database, 30).await;
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY, name varchar(40));
             INSERT INTO shelf VALUES (1, 'left'), (2, 'right');
             CREATE TABLE item_shelf (id integer PRIMARY KEY, item integer NOT NULL, shelf integer NOT NULL, note text,
               UNIQUE (shelf, item), FOREIGN KEY (item) REFERENCES item (id), FOREIGN KEY (shelf) REFERENCES shelf (id));",
        )
        .await;
    // The id of such a link has to be filled by the database.
    let filled = match database.kind {
        Kind::Sqlite => "",
        Kind::Postgres => "ALTER TABLE item_shelf ALTER id ADD GENERATED BY DEFAULT AS IDENTITY;",
        Kind::Mysql => "ALTER TABLE item_shelf MODIFY id integer AUTO_INCREMENT;",
    };
    database.execute(filled).await;
    let app = in_chunks(&database).await;
    let changes = [("note", None), ("tags__add", Some("1")), ("shelfs__replace", Some("2")), ("price", Some("3.50"))];
    let task = carry_out(&app, update("item", matching(&app, "item", &["id__gt=10"]), changes)).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (20, 0, 0)));
    let expected = serde_json::json!({
        "note": null, "price": "3.50", "tags": {"add": {"1": "one"}}, "shelfs": {"replace": {"2": "right"}}
    });
    assert_eq!(task.changes.to_json(), expected);
    assert_eq!(links_of(&database, "item_shelf", ["item", "shelf"]).await, (11..=30).map(|id| (id, 2)).collect());
    assert_eq!(links(&database).await.iter().filter(|(_, tag)| *tag == 1).count(), 20);
    let changed = crate::shop::rows(&database, "item", &["id", "note", "touched"]).await;
    assert!(changed.values().filter(|row| row[0].is_none() && row[1].as_deref() == Some("1")).count() == 20);
    // Once more: nothing is doubled.
    let again = carry_out(&app, update("item", matching(&app, "item", &["id__gt=10"]), changes)).await;
    assert_eq!(counts(&again), (20, 0, 0));
    assert_eq!(links_of(&database, "item_shelf", ["item", "shelf"]).await.len(), 20);
}

async fn from_the_other_side(database: TestDatabase) {
    tagged(&database, 12).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("tag", keys([1, 6]), [("items__add", Some("1,6,11"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)));
    let of = |links: &Links, tag: i64| links.iter().filter(|link| link.1 == tag).map(|link| link.0).collect::<Vec<_>>();
    let now = links(&database).await;
    assert_eq!((of(&now, 1), of(&now, 6), of(&now, 4)), (vec![1, 6, 11], vec![1, 6, 11, 12], vec![4, 8, 12]));
}

/// Text that holds commas and quotes, UUIDs, and a table whose records are linked with each other.
async fn keys_of_every_kind(database: TestDatabase) {
    let uuid = match database.kind {
        Kind::Sqlite => "uuid_text",
        Kind::Postgres => "uuid",
        Kind::Mysql => "uuid",
    };
    let (a, b) = ("0192f0c1-2b3c-7d4e-8f90-0123456789ab", "0192f0c1-2b3c-7d4e-8f90-0123456789ac");
    let written = |id: &str| match database.kind {
        Kind::Sqlite => format!("x'{}'", id.replace('-', "")),
        _ => format!("'{id}'"),
    };
    let (id_a, id_b) = (written(a), written(b));
    database
        .execute(&format!(
            "CREATE TABLE person (code varchar(20) PRIMARY KEY, name varchar(40) NOT NULL);
             CREATE TABLE club (id {uuid} PRIMARY KEY, name varchar(40) NOT NULL);
             CREATE TABLE friendship (person_code varchar(20) NOT NULL, friend_id varchar(20) NOT NULL,
               PRIMARY KEY (person_code, friend_id), FOREIGN KEY (person_code) REFERENCES person (code),
               FOREIGN KEY (friend_id) REFERENCES person (code), CHECK (person_code <> friend_id));
             CREATE TABLE membership (person varchar(20) NOT NULL, club {uuid} NOT NULL, PRIMARY KEY (club, person),
               FOREIGN KEY (person) REFERENCES person (code), FOREIGN KEY (club) REFERENCES club (id));
             INSERT INTO person VALUES ('a,b', 'Ann'), ('\"q\"', 'Bob'), ('c', 'Cid');
             INSERT INTO club VALUES ({id_a}, 'Chess'), ({id_b}, 'Golf');"
        ))
        .await;
    let app = discovered(&database).await;
    let person = app.resource("person").expect("people");
    let names: Vec<_> = person.many_to_many.iter().map(|links| links.name.as_str()).collect();
    assert_eq!(names, ["friends", "person_codes", "clubs"]);
    // Whoever is to be a friend of themselves is refused by a rule of the database, and is named.
    let task = carry_out(
        &app,
        in_background(update("person", Selection::All, [("friends__add", Some(r#"["a,b","\"q\""]"#))])),
    )
    .await;
    assert_eq!(counts(&task), (1, 2, 0));
    let failed = failures(&app, &task).await;
    assert!(failed.iter().all(|(_, code)| code == "CHECK"), "{failed:?}");
    let cid = app.resource("person").expect("people");
    let friends = powercrud::query::linked(&app, cid, "c", cid.many_to_many("friends").expect("friends"), 10).await;
    let friends: Vec<_> = friends.expect("friends").into_iter().map(|friend| (friend.value, friend.label)).collect();
    assert_eq!(friends, [("a,b".into(), "Ann".into()), ("\"q\"".into(), "Bob".into())] as [(String, String); 2]);
    let clubs = format!("{},{b}", a.to_uppercase());
    for _ in 0..2 {
        let task = carry_out(&app, update("person", Selection::All, [("clubs__add", Some(clubs.as_str()))])).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (3, 0, 0)));
        assert_eq!(crate::shop::count(&database, "membership").await, 6);
    }
    let task = carry_out(&app, update("club", keys([b]), [("persons__remove", Some("c,\"q\""))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (1, 0, 0)));
    assert_eq!(crate::shop::count(&database, "membership").await, 4);
    let task = carry_out(&app, update("person", keys(["a,b", "c"]), [("clubs__replace", Some(b))])).await;
    assert_eq!((task.status, crate::shop::count(&database, "membership").await), (Status::Success, 3));
}

async fn what_a_preview_says(database: TestDatabase) {
    tagged(&database, 12).await;
    let app = discovered(&database).await;
    let cases: [(Inputs, u64); 8] = [
        (&[("tags__add", Some("2"))], 6),
        (&[("tags__add", Some("2,3"))], 2),
        (&[("tags__remove", Some("5"))], 10),
        (&[("tags__clear", None)], 3),
        (&[("tags__replace", Some("2"))], 1),
        (&[("tags__replace", Some("2,4"))], 2),
        (&[("tags__add", Some("2")), ("tags__remove", Some("3"))], 4),
        (&[("tags__add", Some("2")), ("stock", Some("2"))], 1),
    ];
    let before = links(&database).await;
    for (inputs, unchanged) in cases {
        let request = change(Selection::All, inputs);
        let seen = plan(&app, request).await.expect("a plan").preview().await.expect("a preview");
        assert_eq!((seen.total_records, seen.unchanged_records), (12, unchanged), "{inputs:?}");
    }
    let request = update("item", keys([5, 6, 12]), [("tags__add", Some("2,1")), ("tags__remove", Some("3"))]);
    let seen = plan(&app, request).await.expect("a plan").preview().await.expect("a preview");
    let text = |text: &str| Some(text.to_owned());
    let change = |before: &str, after: &str| vec![("tags".to_owned(), text(before), text(after))];
    let changes: Vec<_> = seen.samples.into_iter().map(|sample| sample.changes).collect();
    let expected = [
        change("five", "Sale, five, one"),
        change("New, Sale, six", "Sale, one, six"),
        change("New, Sale, four, six", "Sale, four, one, six"),
    ];
    assert_eq!(sorted(changes), sorted(expected.into()));
    assert_eq!(links(&database).await, before, "looking changes nothing");
}

/// Databases sort capitals before or among small letters: names are compared without their order.
fn sorted(changes: Vec<Vec<Sampled>>) -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let names = |text: Option<String>| text.iter().flat_map(|text| text.split(", ")).map(str::to_owned).collect();
    changes.into_iter().flatten().map(|(field, before, after)| (field, names(before), names(after))).collect()
}

async fn mistakes(database: TestDatabase) {
    tagged(&database, 3).await;
    let app = discovered(&database).await;
    let before = links(&database).await;
    let long = (1..=1001).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let too_many = [("tags__add", Some(&*long))];
    type Case<'a> = (&'a [(&'a str, Option<&'a str>)], &'a str, &'a str);
    let cases: [Case<'_>; 11] = [
        (&[("tags__add", Some("2,77,99"))], "FOREIGN_KEY", "there is no tag with id 77, 99"),
        (&[("tags__remove", Some("x"))], "INVALID_TYPE", "\"x\" is no key of tag"),
        (&[("tags__add", Some(" , "))], "NO_VALUE", "add needs the key of at least one tag"),
        (&[("tags__replace", Some(""))], "NO_VALUE", "clear removes all"),
        (
            &[("tags", Some("1"))],
            "UNKNOWN_OPERATION",
            "has no value of its own; allowed are: add, remove, replace, clear",
        ),
        (&[("price__add", Some("1"))], "UNKNOWN_OPERATION", "is no many-to-many field"),
        (&[("tags__add", Some("1")), ("tags__add", Some("2"))], "DUPLICATE_FIELD", "more than once"),
        (&[("tags__add", Some("1")), ("tags__clear", None)], "CONTRADICTION", "can't go together"),
        (&[("tags__add", Some("1,2")), ("tags__remove", Some("2"))], "CONTRADICTION", "both added and removed"),
        (&too_many, "TOO_MANY", "1000 keys at most, not 1001"),
        (&[("labels__add", Some("1"))], "UNKNOWN_FIELD", "touched, tags"),
    ];
    for (inputs, code, message) in cases {
        let request = change(Selection::All, inputs);
        let Err(powercrud::Error::Invalid(errors)) = powercrud::bulk::run(&app, request).await else {
            panic!("{inputs:?} is taken");
        };
        let [error] = &errors[..] else { panic!("{inputs:?}: {errors:?}") };
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(message), "{error}");
    }
    // All mistakes at once.
    let request = update("item", Selection::All, [("tags__add", Some("99")), ("price", Some("dear")), ("tags", None)]);
    let Err(powercrud::Error::Invalid(errors)) = powercrud::bulk::run(&app, request).await else { panic!("taken") };
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(links(&database).await, before);
}

/// A trigger of the join table refuses some records' links.
async fn guard(database: &TestDatabase) {
    let sql = match database.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER guard BEFORE INSERT ON item_tag BEGIN SELECT RAISE(ABORT, 'not this one') WHERE NEW.item_id % 20 = 7; END;"
        }
        Kind::Postgres => {
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.item_id % 20 = 7 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER guard BEFORE INSERT ON item_tag FOR EACH ROW EXECUTE FUNCTION guard();"
        }
        Kind::Mysql => {
            "DELIMITER //\nCREATE TRIGGER guard BEFORE INSERT ON item_tag FOR EACH ROW
             IF NEW.item_id % 20 = 7 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF//\nDELIMITER ;\n"
        }
    };
    database.execute(sql).await;
}

async fn a_record_that_is_refused(database: TestDatabase) {
    tagged(&database, 50).await;
    guard(&database).await;
    let app = discovered(&database).await;
    let before = links(&database).await;
    let request = update("item", Selection::All, [("note", Some("x")), ("tags__replace", Some("1"))]);
    let task = carry_out(&app, request).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (47, 3, 0)));
    let errors =
        powercrud::task::store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    let named: Vec<_> =
        errors.iter().map(|error| (error.record_key.as_str(), error.field.as_deref(), error.code.as_str())).collect();
    assert_eq!(named, ["7", "27", "47"].map(|key| (key, Some("tags"), "TRIGGER")));
    let bad = |id: i64| id % 20 == 7;
    let expected: Links = before
        .into_iter()
        .filter(|(item, _)| bad(*item))
        .chain((1..=50).filter(|id| !bad(*id)).map(|id| (id, 1)))
        .collect();
    assert_eq!(links(&database).await, expected, "a bad record keeps its links, and its fields");
    let notes = crate::shop::rows(&database, "item", &["id", "note"]).await;
    assert_eq!(notes.values().filter(|row| row[0].as_deref() == Some("x")).count(), 47);
    // Once the cause is gone, a retry does the rest.
    let drop = if database.kind == Kind::Postgres { "DROP TRIGGER guard ON item_tag;" } else { "DROP TRIGGER guard;" };
    database.execute(drop).await;
    let Answer::Done(task) = retry(&app, &powercrud::User::operator(), task.id).await.expect("a retry") else {
        panic!("three records are done at once");
    };
    assert_eq!((task.status, counts(&task)), (Status::Success, (3, 0, 0)));
    assert_eq!(links(&database).await, (1..=50).map(|id| (id, 1)).collect());
}

async fn everything_or_nothing(database: TestDatabase) {
    tagged(&database, 15).await;
    guard(&database).await;
    let app = discovered(&database).await;
    let before = links(&database).await;
    let task = carry_out(&app, update("item", Selection::All, [("tags__add", Some("1,2")), ("note", None)])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 14)));
    assert_eq!(links(&database).await, before);
    let task = carry_out(&app, update("item", keys(1..=6), [("tags__add", Some("1,2"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (6, 0, 0)));
}

async fn a_target_that_goes_before_the_work(database: TestDatabase) {
    tagged(&database, 30).await;
    let app = discovered(&database).await;
    let before = links(&database).await;
    let task = queue(&app, in_background(update("item", Selection::All, [("tags__add", Some("1,2"))]))).await;
    database.execute("DELETE FROM tag WHERE id = 1;").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 30)));
    assert!(
        task.error_message.contains("tags: of the tag with id 1, 2 at least one is gone"),
        "{}",
        task.error_message
    );
    assert_eq!(links(&database).await, before);
    assert_no_locks(&database).await;
}

/// A selection that is large and full of gaps is no slower for the links than a few statements over all of it.
async fn many_records(database: TestDatabase) {
    tagged(&database, 20_000).await;
    let app = discovered(&database).await;
    let selection = matching(&app, "item", &["status__ne=new"]);
    let started = std::time::Instant::now();
    let request = update("item", selection, [("tags__add", Some("1,2")), ("tags__remove", Some("3,5"))]);
    let task = carry_out(&app, request).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (13_334, 0, 0)));
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(30), "it took {took:?}");
    let now = links(&database).await;
    let has = |id: i64, tag: i64| now.contains(&(id, tag));
    assert!((1..=20_000).filter(|id| id % 3 != 0).all(|id| has(id, 1) && has(id, 2) && !has(id, 5)));
    assert!((1..=20_000).filter(|id| id % 15 == 0).all(|id| has(id, 5) && has(id, 3) && !has(id, 1)));
}

/// MySQL lets no trigger write to a table that the statement reads.
async fn a_trigger_that_counts_links(database: TestDatabase) {
    tagged(&database, 30).await;
    let add = "CREATE TRIGGER added AFTER INSERT ON item_tag FOR EACH ROW UPDATE item SET touched = touched + 100 WHERE id = NEW.item_id;";
    database.execute(add).await;
    let app = discovered(&database).await;
    let all: Vec<i64> = (1..=30).collect();
    for (round, tags) in [("tags__add", "[5,6]"), ("tags__replace", "[1,2]")].into_iter().enumerate() {
        let request = in_background(change(Selection::All, &[(tags.0, Some(tags.1))]));
        let before = links(&database).await;
        let task = carry_out(&app, request).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{}", task.error_message);
        let wanted: Links = match round {
            0 => before.iter().copied().chain(all.iter().flat_map(|id| [(*id, 5), (*id, 6)])).collect(),
            _ => all.iter().flat_map(|id| [(*id, 1), (*id, 2)]).collect(),
        };
        assert_eq!(links(&database).await, wanted);
    }
}
