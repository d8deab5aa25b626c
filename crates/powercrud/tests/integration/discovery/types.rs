//! Types, nullability, defaults, generated and identity columns.

use powercrud::db::ColumnType::{self, *};

use super::{column, odd_catalog, table};
use crate::support::{Kind, TestDatabase, each_database};

each_database! { types_are_told_in_shared_words, computed_columns_are_told_apart }

async fn types_are_told_in_shared_words(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let kind = table(&catalog, "kind");
    let check = |name: &str, expected: ColumnType| {
        assert_eq!(column(kind, name).column_type, expected, "{name}");
        assert_eq!(column(kind, name).nullable, name != "id", "{name}");
    };
    let text = |length| Text { max_length: Some(length) };
    let decimal = |precision, scale| Decimal { precision: Some(precision), scale: Some(scale) };
    for (name, expected) in [
        ("a_boolean", Boolean),
        ("an_integer", Integer { min: i64::MIN, max: i64::MAX }),
        ("a_decimal", decimal(10, 2)),
        ("a_float", Float),
        ("a_text", text(20)),
        ("a_date", Date),
        ("a_time", Time),
        ("a_datetime", DateTime),
        ("an_instant", DateTimeTz),
        ("a_json", Json),
        ("some_bytes", Bytes),
    ] {
        check(name, expected);
    }
    let own = match database.kind {
        Kind::Sqlite => vec![("id", Integer { min: i64::MIN, max: i64::MAX }), ("a_uuid", Uuid), ("anything", Other)],
        Kind::Postgres => vec![
            ("id", Integer { min: i32::MIN.into(), max: i32::MAX.into() }),
            ("a_uuid", Uuid),
            ("numbers", Other),
            ("a_char", text(3)),
            ("a_byte", text(1)),
            ("a_name", text(63)),
            ("an_interval", Other),
            ("a_json_text", Json),
            ("a_small", Integer { min: -32_768, max: 32_767 }),
            ("a_real", Float),
            ("any_decimal", Decimal { precision: None, scale: None }),
            ("an_oid", Integer { min: 0, max: 4_294_967_295 }),
        ],
        Kind::Mysql => vec![
            ("id", Integer { min: i32::MIN.into(), max: i32::MAX.into() }),
            ("a_year", Integer { min: 1901, max: 2155 }),
            ("one_bit", Boolean),
            ("some_bits", Integer { min: 0, max: 1023 }),
            ("a_set", Other),
            ("a_point", Other),
            ("a_tiny", Integer { min: -128, max: 127 }),
            ("an_unsigned", Integer { min: 0, max: i64::MAX }),
            ("a_long", Text { max_length: None }),
            ("a_char", text(3)),
            ("some_fixed_bytes", Bytes),
            ("a_precise", DateTime),
        ],
    };
    for (name, expected) in own {
        check(name, expected);
    }
}

async fn computed_columns_are_told_apart(database: TestDatabase) {
    let catalog = odd_catalog(&database).await;
    let computed = table(&catalog, "computed");
    let told: Vec<_> = computed
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.identity, column.generated, column.default.as_deref()))
        .collect();
    let sum = match database.kind {
        // The database's own way to write it.
        Kind::Postgres => "(1 + 1)",
        Kind::Mysql => "(1 + 1)",
        Kind::Sqlite => "1 + 1",
    };
    let expected = [
        ("id", true, false, None),
        ("price", false, false, Some("9.99")),
        ("amount", false, false, Some(sum)),
        ("total", false, true, None),
        ("label", false, true, None),
    ];
    assert_eq!(told, expected);

    let order = table(&catalog, "order");
    let select = column(order, "select");
    assert!(!select.nullable && column(order, "it's").nullable);
    let default = match database.kind {
        Kind::Postgres => "'it''s'::text",
        Kind::Sqlite | Kind::Mysql => "'it''s'",
    };
    assert_eq!(select.default.as_deref(), Some(default));
    assert!(column(order, "key").identity && !column(order, "key").nullable);
    assert!(!column(table(&catalog, "composite"), "c").identity);
    match database.kind {
        Kind::Sqlite => {
            // The one integer key that SQLite does not fill in by itself.
            assert!(!column(table(&catalog, "descending"), "id").identity);
            let code = column(table(&catalog, "strict_table"), "code");
            assert!(!code.nullable && !code.identity);
        }
        Kind::Postgres => {
            let order = catalog.table(Some("Other Schema"), "order").expect("a table of another schema");
            let id = column(order, "id");
            assert!(id.identity && id.generated, "GENERATED ALWAYS AS IDENTITY is never written");
            assert!(column(table(&catalog, "composite_child"), "id").identity, "serial");
        }
        Kind::Mysql => {}
    }
}
