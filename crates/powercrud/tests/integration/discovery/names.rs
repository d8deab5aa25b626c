//! Names, comments, choices, and what is left out.

use powercrud::db::{ColumnType, TableKind};

use super::{column, odd_catalog, table};
use crate::support::{Kind, TestDatabase, each_database};

each_database! { odd_names_are_kept, comments_are_read, choices_come_from_checks_and_enums, what_is_there_is_listed_once }

async fn odd_names_are_kept(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let order = table(&catalog, "order");
    let names: Vec<_> = order.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["key", "select", "Naïve \"Col\"", "it's", "why? $1", "semi;colon"]);
    let here = table(&catalog, "Odd \"Table\" `here`");
    assert_eq!(here.primary_key, ["A Key"]);
    assert_eq!(column(here, "a-b").column_type, ColumnType::Date);
}

async fn comments_are_read(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let order = table(&catalog, "order");
    let expected = match database.kind {
        // It has none.
        Kind::Sqlite => ("", ""),
        Kind::Postgres | Kind::Mysql => ("It's an \"order\"", "Asks"),
    };
    assert_eq!((order.comment.as_str(), column(order, "why? $1").comment.as_str()), expected);
    assert_eq!(column(order, "key").comment, "");
    assert_eq!(table(&catalog, "a view").comment, "");
}

async fn choices_come_from_checks_and_enums(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let choice = table(&catalog, "choice");
    assert_eq!(column(choice, "status").choices, ["new", "it's used", "gone"]);
    assert_eq!(column(choice, "rating").choices, ["1", "2", "3"]);
    assert_eq!(column(choice, "size").choices, ["S", "L"]);
    assert!(column(choice, "open").choices.is_empty());
    match database.kind {
        Kind::Sqlite => {}
        Kind::Postgres => {
            let order = catalog.table(Some("Other Schema"), "order").expect("a table of another schema");
            let mood = column(order, "mood");
            assert_eq!(mood.column_type, ColumnType::Enum);
            assert_eq!(mood.choices, ["sad", "it's ok", "meh", "happy"]);
            assert_eq!(mood.database_type, r#""Other Schema"."Mood $1?""#);
            let moods = column(order, "moods");
            assert_eq!((&moods.column_type, moods.choices.len()), (&ColumnType::Other, 0));
            let size = column(choice, "size");
            assert_eq!(size.column_type, ColumnType::Text { max_length: Some(10) });
            assert!(!size.nullable, "the domain under its domain is NOT NULL");
        }
        Kind::Mysql => {
            let mood = column(choice, "mood");
            assert_eq!(mood.column_type, ColumnType::Enum);
            assert_eq!(mood.choices, ["sad", "it's ok", "a,b", "happy"]);
            let flags = column(choice, "flags");
            assert_eq!((&flags.column_type, flags.choices.len()), (&ColumnType::Other, 0));
        }
    }
}

async fn what_is_there_is_listed_once(database: TestDatabase) {
    powercrud::db::migrate(&database).await.expect("migrations");
    let catalog = odd_catalog(&database).await;
    let names: Vec<_> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    let mut expected = vec![
        "Odd \"Table\" `here`",
        "a view",
        "choice",
        "composite",
        "composite_child",
        "computed",
        "employee",
        "half_unique",
        "kind",
        "no_key",
        "nothing_there",
        "order",
        "unique_instead",
    ];
    // No virtual tables, no partitions, nothing without columns, none of PowerCRUD's own.
    let own: &[&str] = match database.kind {
        Kind::Sqlite => &["descending", "moment_key", "strict_table", "uuid_key"],
        Kind::Postgres => &["dropped_column", "elsewhere", "filled", "heir", "measured", "measured_note", "parent"],
        Kind::Mysql => &[],
    };
    expected.extend(own);
    expected.sort_unstable();
    if database.kind == Kind::Postgres {
        expected.push("order");
    }
    assert_eq!(names, expected);

    let left_out: Vec<_> = catalog.left_out.iter().map(|one| one.name.as_str()).collect();
    let (name, reason) = match database.kind {
        Kind::Sqlite => ("broken", "no_such_table"),
        Kind::Postgres => ("never filled", "REFRESH MATERIALIZED VIEW"),
        Kind::Mysql => ("broken", "references invalid table"),
    };
    assert_eq!(left_out, [name]);
    assert!(catalog.left_out[0].reason.contains(reason), "{}", catalog.left_out[0].reason);

    assert_eq!(table(&catalog, "a view").kind, TableKind::View);
    assert_eq!(table(&catalog, "order").kind, TableKind::Table);
    if database.kind == Kind::Postgres {
        assert_eq!(table(&catalog, "filled").kind, TableKind::View);
        let columns: Vec<_> = table(&catalog, "dropped_column").columns.iter().map(|column| &column.name).collect();
        assert_eq!(columns, ["a", "c"]);
    }
}
