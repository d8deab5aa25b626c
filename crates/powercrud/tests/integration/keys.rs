//! Keys: whatever a key column can hold, the record that is found by a key is the one that was listed under it, and nothing but that
//! record is changed. Plain SQL is the judge: each row has a number, `tag`, that the key has nothing to do with.

mod enums;
mod inheritance;
mod kinds;
mod nul;
mod sizes;
mod spelling;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use powercrud::{
    PowerCrud, Resource, Selection, StoredSelection, User,
    db::Value,
    query::{ListParams, list},
    record,
};
use sea_orm::{ConnectionTrait as _, Statement};
use tables::{Keyed, keyed};

use crate::{
    shop::{carry_out, counts, delete, discovered, failures, in_background, keys, update},
    support::{TestDatabase, each_database},
};

each_database! { every_record_is_found_by_its_key }

/// `tag` to `n` of every row, read past the library.
async fn judge(database: &TestDatabase, table: &str) -> BTreeMap<i64, i64> {
    let connection = database.connection();
    let sql = format!("SELECT tag, n FROM {table}");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.expect("rows");
    let number =
        |row: &sea_orm::QueryResult, index| row.try_get_by_index::<i32>(index).map(i64::from).expect("a number");
    rows.iter().map(|row| (number(row, 0), number(row, 1))).collect()
}

/// Key and `tag` of every record, page by page.
async fn listed(app: &PowerCrud, resource: &Resource) -> Vec<(String, i64)> {
    let tag = resource.list_fields().position(|field| field.name == "tag").expect("a listed field");
    let mut found = Vec::new();
    for page in 1.. {
        let params = ListParams { page, page_size: 7, ..ListParams::default() };
        let page = list(app, resource, &params).await.unwrap_or_else(|error| panic!("{}: {error}", resource.name));
        for row in page.rows {
            let Value::Integer(tag) = row.cells[tag].value else { panic!("{:?} is no tag", row.cells[tag]) };
            found.push((row.key, tag));
        }
        if !page.has_next {
            break;
        }
    }
    found
}

async fn every_record_is_found_by_its_key(database: TestDatabase) {
    let tables = keyed(database.kind);
    for table in &tables {
        database.execute(&table.script(database.kind)).await;
    }
    let app = discovered(&database).await;
    let mut mistakes = Vec::new();
    for table in &tables {
        // All that is wrong at once: one kind of key may be broken beside others.
        let (app, database, table) = (app.clone(), database.clone(), table.clone());
        let name = table.name.clone();
        if let Err(error) = tokio::spawn(async move { check(&app, &database, &table).await }).await {
            let panic = error.into_panic();
            let words = panic.downcast_ref::<String>().cloned();
            mistakes.push(format!("{name}: {}", words.unwrap_or_else(|| "no words".to_owned())));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

async fn check(app: &PowerCrud, database: &TestDatabase, table: &Keyed) {
    let resource = app.resource(&table.name).expect("a resource");
    let before = judge(database, &table.name).await;
    assert!(before.len() >= table.values.len() / 2, "the database refused most of the values");
    let found = listed(app, resource).await;
    assert_eq!(found.iter().map(|(_, tag)| *tag).collect::<BTreeSet<_>>(), before.keys().copied().collect());
    assert_eq!(found.len(), before.len(), "each is listed once: {found:?}");
    if let Some(reason) = &resource.read_only {
        panic!("read-only: {reason}");
    }
    let (lost, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, tag)| table.lost.contains(tag));
    assert_eq!(found.iter().map(|(key, _)| key).collect::<BTreeSet<_>>().len(), found.len(), "{found:?}");
    let mut expected = before.clone();

    // One by one.
    let operator = User::operator();
    let tag_field = resource.fields.iter().position(|field| field.name == "tag").expect("a field");
    for (key, tag) in &found {
        let row = record::get(app, resource, key).await.unwrap_or_else(|error| panic!("get {key:?}: {error}"));
        assert_eq!((&row.cells[tag_field].value, &row.key), (&Value::Integer(*tag), key), "get {key:?}");
        record::update(app, &operator, resource, key, &[("n".into(), Some(tag.to_string()))])
            .await
            .unwrap_or_else(|error| panic!("update {key:?}: {error}"));
        expected.insert(*tag, *tag);
    }
    assert_eq!(judge(database, &table.name).await, expected, "updated one by one");

    // All that match, by a worker: what can't be found by its key is named.
    let task = carry_out(app, in_background(update(&table.name, Selection::All, [("n", Some("1000"))]))).await;
    assert_eq!(
        counts(&task),
        (found.len() as u64, lost.len() as u64, 0),
        "{} {:?}",
        task.error_message,
        failures(app, &task).await
    );
    let failed: BTreeSet<_> = failures(app, &task).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(failed, lost.iter().map(|(key, _)| key.clone()).collect());
    found.iter().for_each(|(_, tag)| _ = expected.insert(*tag, 1000));
    assert_eq!(judge(database, &table.name).await, expected, "all updated");

    // By their keys, every other one; at once and by a worker.
    let half = |parity: usize| found.iter().skip(parity).step_by(2).cloned().collect::<Vec<_>>();
    let ids = |some: &[(String, i64)]| keys(some.iter().map(|(key, _)| key.clone()));
    for (n, parity, background) in [(2000, 0, false), (3000, 1, true)] {
        let some = half(parity);
        let request = update(&table.name, ids(&some), [("n", Some(n.to_string().as_str()))]);
        let task = carry_out(app, if background { in_background(request) } else { request }).await;
        assert_eq!(counts(&task), (some.len() as u64, 0, 0), "{} {:?}", task.error_message, failures(app, &task).await);
        some.iter().for_each(|(_, tag)| _ = expected.insert(*tag, n));
        assert_eq!(judge(database, &table.name).await, expected, "updated by keys");
    }

    // Deleted: the first alone, every other one by ticks, then the rest by their keys, and what can't be found by "all".
    let (first, rest) = found.split_first().expect("a record");
    record::delete(app, &operator, resource, &first.0).await.expect("deleted");
    expected.remove(&first.1);
    let ticked: Vec<_> = rest.iter().step_by(2).cloned().collect();
    let mut stored = StoredSelection::of_owner(app, resource, "ann").await.expect("a selection");
    let ticks: Vec<_> = ticked.iter().map(|(key, _)| key.clone()).collect();
    stored.tick(app, resource, &ticks, true).await.expect("ticks");
    assert_eq!(stored.count(app, resource).await.expect("a count"), ticked.len() as u64);
    assert_eq!(stored.selected_among(app, resource, &ticks).await.expect("which").len(), ticked.len());
    let rest: Vec<_> = rest.iter().skip(1).step_by(2).cloned().collect();
    for (selection, some) in [(Selection::Stored(stored.id), &ticked), (ids(&rest), &rest)] {
        if some.is_empty() {
            continue;
        }
        let task = carry_out(app, delete(&table.name, selection)).await;
        assert_eq!((counts(&task), task.missing_records), ((some.len() as u64, 0, 0), 0), "{}", task.error_message);
        some.iter().for_each(|(_, tag)| _ = expected.remove(tag));
        assert_eq!(judge(database, &table.name).await, expected, "deleted");
    }
    if !lost.is_empty() {
        let task = carry_out(app, in_background(delete(&table.name, Selection::All))).await;
        assert_eq!(counts(&task), (0, lost.len() as u64, 0), "they are there, so they are not gone: {:?}", task);
        assert_eq!(judge(database, &table.name).await, expected, "not deleted");
    }
}
