//! Primary keys, unique keys, references, and why a table is read-only.

use powercrud::db::{ForeignKey, ReferentialAction};

use super::{odd_catalog, table};
use crate::support::{Kind, TestDatabase, each_database};

each_database! {
    keys_keep_their_order, a_unique_key_stands_in_for_a_missing_primary_key, references_are_read, without_a_key_it_is_read_only
}

each_database! { [sqlite mysql] a_key_that_tells_too_little_is_said_to }

async fn a_key_that_tells_too_little_is_said_to(database: TestDatabase) {
    let key = if database.kind == Kind::Mysql { "k(10)" } else { "k COLLATE BINARY" };
    let collation = if database.kind == Kind::Mysql { "" } else { "COLLATE NOCASE" };
    database
        .execute(&format!("CREATE TABLE odd (k VARCHAR(40) {collation} NOT NULL, v INT, PRIMARY KEY ({key}));"))
        .await;
    let app = crate::shop::discovered(&database).await;
    let reason = app.resource("odd").expect("it is there").read_only.clone().unwrap_or_default();
    assert!(reason.starts_with("its primary key"), "{reason}");
}

async fn keys_keep_their_order(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let composite = table(&catalog, "composite");
    assert_eq!(composite.primary_key, ["b", "a"]);
    assert_eq!(composite.unique_keys, [["c", "a"]]);
    assert_eq!(table(&catalog, "employee").primary_key, ["id"]);
    if database.kind == Kind::Postgres {
        assert_eq!(table(&catalog, "measured").primary_key, ["id", "day"]);
        assert_eq!(table(&catalog, "heir").primary_key, ["id"]);
    }
}

async fn a_unique_key_stands_in_for_a_missing_primary_key(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let unique = table(&catalog, "unique_instead");
    assert_eq!(unique.primary_key, ["code"], "the shortest over NOT NULL columns");
    let mut others = unique.unique_keys.clone();
    others.sort();
    assert_eq!(others, [vec!["a", "b"], vec!["maybe"]]);
    assert_eq!(unique.read_only_reason(), None);
}

async fn without_a_key_it_is_read_only(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    for name in ["no_key", "half_unique"] {
        let table = table(&catalog, name);
        assert!(table.primary_key.is_empty() && table.unique_keys.is_empty(), "{name}: {table:?}");
        let reason = table.read_only_reason().expect("read-only");
        assert!(reason.contains("primary key"), "{reason}");
    }
    assert_eq!(table(&catalog, "a view").read_only_reason(), Some("it is a view"));
    assert_eq!(table(&catalog, "order").read_only_reason(), None);
}

async fn references_are_read(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let employee = table(&catalog, "employee");
    let [boss] = &employee.foreign_keys[..] else { panic!("{:?}", employee.foreign_keys) };
    check(boss, &["boss_id"], "employee", &["id"], ReferentialAction::SetNull);
    let [composite] = &table(&catalog, "composite_child").foreign_keys[..] else { panic!("one reference") };
    check(composite, &["child_b", "child_a"], "composite", &["b", "a"], ReferentialAction::Cascade);
    let from: Vec<_> = catalog.referrers(table(&catalog, "composite")).map(|(from, _)| from.name.as_str()).collect();
    assert_eq!(from, ["composite_child"]);
    if database.kind != Kind::Sqlite {
        assert_eq!(composite.name, "to composite");
    }
    if database.kind == Kind::Postgres {
        let [elsewhere] = &table(&catalog, "elsewhere").foreign_keys[..] else { panic!("one reference") };
        assert_eq!(elsewhere.referenced_schema.as_deref(), Some("Other Schema"));
        check(elsewhere, &["order_id"], "order", &["id"], ReferentialAction::Restrict);
        let order = catalog.table(Some("Other Schema"), "order").expect("a table of another schema");
        let [back] = &order.foreign_keys[..] else { panic!("one reference") };
        assert_eq!(back.referenced_schema, None);
        let [measured] = &table(&catalog, "measured_note").foreign_keys[..] else { panic!("one reference") };
        check(measured, &["m_id", "m_day"], "measured", &["id", "day"], ReferentialAction::Restrict);
    }
}

fn check(key: &ForeignKey, columns: &[&str], table: &str, referenced: &[&str], on_delete: ReferentialAction) {
    assert_eq!(key.columns, columns);
    assert_eq!(key.referenced_table, table);
    assert_eq!(key.referenced_columns, referenced);
    assert_eq!(key.on_delete, on_delete);
}
