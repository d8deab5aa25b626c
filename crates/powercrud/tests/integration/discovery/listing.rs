//! Every table and view that is discovered lists without an error, and its cells hold what the database holds.

use powercrud::{
    PowerCrud, Resource,
    db::Value,
    query::{self, ListParams},
};

use crate::support::{Kind, TestDatabase, chinook, each_database, oddities, sakila};

each_database! { odd_tables_list, every_column_sorts_and_finds, chinook_lists, sakila_lists, cells_are_read, dirty_cells_are_shown_raw }

async fn odd_tables_list(database: TestDatabase) {
    oddities(&database).await;
    let kind = database.kind;
    let app = discover(database).await;
    // The rows of an heir are the heir's.
    let is_empty = |name: &str| name == "nothing_there" || (kind == Kind::Postgres && name == "parent");
    list_everything(&app, is_empty).await;
}

async fn chinook_lists(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let (tables, track, key) = match database.kind {
        Kind::Postgres => (11, "track", "playlist_track"),
        Kind::Sqlite | Kind::Mysql => (11, "Track", "PlaylistTrack"),
    };
    let app = discover(database).await;
    assert_eq!(app.catalog().tables.len(), tables);
    list_everything(&app, |_| false).await;
    assert_eq!(count(&app, track).await, 3503);
    assert_eq!(app.resource(key).expect("a resource").table.primary_key.len(), 2);
}

async fn sakila_lists(database: TestDatabase) {
    if !sakila(&database).await {
        return;
    }
    let kind = database.kind;
    let app = discover(database).await;
    let expected = match kind {
        Kind::Sqlite => 16 + 5,
        Kind::Postgres => 21 + 7,
        Kind::Mysql => 16 + 7,
    };
    let names: Vec<_> = app.catalog().tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names.len(), expected, "{names:?}");
    // PostgreSQL's payments are of another year than the tables by month; only MySQL fills the text table by triggers.
    let is_empty = |name: &str| match kind {
        Kind::Sqlite => name == "film_text",
        Kind::Postgres => name.starts_with("payment_p2007_"),
        Kind::Mysql => false,
    };
    list_everything(&app, is_empty).await;
    let film = app.resource("film").expect("a resource");
    assert_eq!(film.table.column("rating").expect("a column").choices, ["G", "PG", "PG-13", "R", "NC-17"]);
}

async fn cells_are_read(database: TestDatabase) {
    oddities(&database).await;
    let kind = database.kind;
    let app = discover(database).await;
    let check = async |column: &str, expected: Value| {
        let rows = column_of(&app, "kind", column).await;
        assert_eq!(rows[0], expected, "{column}");
        assert_eq!(rows[1], Value::Null, "{column}");
    };
    let text = |text: &str| Value::Text(text.into());
    check("a_boolean", Value::Boolean(true)).await;
    check("an_integer", Value::Integer(i64::MIN)).await;
    check("a_decimal", Value::Decimal(if kind == Kind::Sqlite { "12.5" } else { "12.50" }.into())).await;
    check("a_float", Value::Float(0.1)).await;
    check("a_text", text("Grüße")).await;
    check("a_date", text("2026-01-31")).await;
    check("a_time", text("13:05:00")).await;
    check("a_datetime", text("2026-01-31 13:05:00")).await;
    check(
        "an_instant",
        text(match kind {
            // A text there, whose zone stays with it.
            Kind::Sqlite => "2026-01-31 13:05:00+02:00",
            Kind::Postgres => "2026-01-31 11:05:00+00:00",
            Kind::Mysql => "2026-01-31 13:05:00+00:00",
        }),
    )
    .await;
    check("a_json", Value::Json(r#"{"a": [1]}"#.into())).await;
    check("some_bytes", Value::Bytes(2)).await;
    match kind {
        Kind::Sqlite => check("anything", Value::Integer(7)).await,
        Kind::Postgres => {
            for (column, expected) in [
                ("numbers", "{1,NULL,3}"),
                ("words", r#"{"a b","c,d"}"#),
                ("a_byte", "x"),
                ("an_interval", "1 day 02:00:00"),
                ("an_address", "10.0.0.1/8"),
                ("a_range", "[1,5)"),
                ("bits", "101"),
                ("a_point", "(1,2)"),
                ("a_vector", "'a':1 'b':2"),
                ("an_xml", "<a>b</a>"),
                ("a_pair", "(1,\"x y\")"),
                ("a_time_tz", "13:05:00+02"),
            ] {
                check(column, text(expected)).await;
            }
            check("an_oid", Value::Integer(42)).await;
            check("any_decimal", Value::Decimal(format!("1{}", "0".repeat(40)))).await;
        }
        Kind::Mysql => {
            check("a_year", Value::Integer(2026)).await;
            check("one_bit", Value::Boolean(true)).await;
            check("some_bits", Value::Integer(513)).await;
            check("a_set", text("a,b")).await;
            check("a_point", text("POINT(1 2)")).await;
            check("a_geometry", text("LINESTRING(0 0,1 1)")).await;
            check("a_filled", Value::Integer(42)).await;
            check("some_fixed_bytes", Value::Bytes(4)).await;
            check("a_precise", text("2026-01-31 13:05:00.123456")).await;
            // More than an i64 holds, but not lost.
            check("an_unsigned", Value::Unsigned(u64::MAX)).await;
        }
    }
}

async fn dirty_cells_are_shown_raw(database: TestDatabase) {
    oddities(&database).await;
    let kind = database.kind;
    let app = discover(database).await;
    let expected: &[(&str, &str)] = match kind {
        Kind::Sqlite => &[
            ("a_boolean", "yes"),
            ("an_integer", "many"),
            ("a_decimal", "cheap"),
            ("a_float", "wide"),
            ("a_date", "tomorrow"),
            ("a_time", "noon"),
            ("a_datetime", "20260131"),
            ("an_instant", "now"),
            ("a_uuid", "no uuid"),
            ("a_json", "{"),
            ("some_bytes", "text"),
        ],
        Kind::Postgres | Kind::Mysql => &[],
    };
    for (column, raw) in expected {
        assert_eq!(column_of(&app, "kind", column).await[2], Value::Raw((*raw).into()), "{column}");
    }
    // What only one database has is a value of its column, not dirt.
    let text = |text: &str| Value::Text(text.into());
    let own: &[(&str, Value)] = &match kind {
        Kind::Sqlite => Vec::new(),
        Kind::Postgres => vec![
            ("a_decimal", Value::Decimal("NaN".into())),
            ("a_float", Value::Float(f64::INFINITY)),
            ("a_date", text("infinity")),
            ("a_time", text("24:00:00")),
            ("a_datetime", text("-infinity")),
            ("an_instant", text("infinity")),
        ],
        Kind::Mysql => vec![
            ("a_boolean", Value::Integer(5)),
            ("a_date", text("0000-00-00")),
            ("a_time", text("-838:59:59")),
            ("a_datetime", text("0000-00-00 00:00:00")),
        ],
    };
    for (column, value) in own {
        assert_eq!(column_of(&app, "kind", column).await[2], *value, "{column}");
    }
    if kind == Kind::Sqlite {
        assert_eq!(column_of(&app, "kind", "a_text").await[2], Value::Bytes(2), "bytes that are no text");
    }
}

/// All resources, with every column in their lists.
async fn discover(database: TestDatabase) -> PowerCrud {
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("discovery");
    let mut builder = PowerCrud::builder(database).open_to_everybody();
    for resource in app.resources() {
        let columns: Vec<String> = resource.table.columns.iter().map(|column| column.name.clone()).collect();
        let with_secrets = Resource::table(resource.name.clone()).show_secrets(resource.secrets.clone());
        builder = builder.resource(with_secrets.list_fields(columns));
    }
    builder.build().await.expect("the same again")
}

async fn list_everything(app: &PowerCrud, is_empty: impl Fn(&str) -> bool) {
    assert!(!app.resources().is_empty());
    for resource in app.resources() {
        let name = &resource.name;
        let page =
            query::list(app, resource, &params(resource)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(page.rows.is_empty(), is_empty(name), "whether {name} is empty");
        for row in &page.rows {
            assert_eq!(row.cells.len(), resource.table.columns.len(), "{name}");
            assert_eq!(row.key.is_empty(), resource.table.primary_key.is_empty(), "{name}");
        }
    }
}

/// Some types have no order, and some no equality.
async fn every_column_sorts_and_finds(database: TestDatabase) {
    oddities(&database).await;
    let app = discover(database).await;
    for resource in app.resources() {
        let whole = query::list(&app, resource, &params(resource)).await.expect("a list");
        for (place, field) in resource.list_fields().enumerate() {
            let what = format!("{} by {}", resource.name, field.name);
            let ordering = ListParams::parse(resource, &[("ordering", field.name.as_str())]).expect("a field");
            let sorted = query::list(&app, resource, &ordering).await;
            assert_eq!(sorted.map(|page| page.rows.len()).ok(), Some(whole.rows.len()), "{what}");
            // Bytes are not offered as a filter.
            let offered = resource.filter_fields().any(|other| other.name == field.name);
            for row in whole.rows.iter().filter(|_| offered) {
                let value = &row.cells[place].value;
                let filter = match value {
                    Value::Null => [(format!("{}__isnull", field.name), "true".to_owned())],
                    // What can't be typed in can't be searched for.
                    value if Value::parse(&field.column, &value.to_text()).as_ref() != Ok(value) => continue,
                    value => [(format!("{}__exact", field.name), value.to_text())],
                };
                let params = ListParams::parse(resource, &filter).unwrap_or_else(|error| panic!("{what}: {error}"));
                let found = query::list(&app, resource, &params).await;
                let found = found.unwrap_or_else(|error| panic!("{what} = {value:?}: {error}"));
                assert!(found.rows.iter().any(|other| other.key == row.key), "{what} = {value:?} finds nothing");
                assert!(found.rows.iter().all(|other| other.cells[place].value == *value), "{what} = {value:?}");
            }
        }
    }
}

fn params(resource: &Resource) -> ListParams {
    ListParams::parse(resource, &[("page_size", "1000")]).expect("a page size")
}

async fn count(app: &PowerCrud, name: &str) -> u64 {
    let resource = app.resource(name).expect("a resource");
    query::count(app, resource, &params(resource)).await.expect("a count")
}

/// The cells of one column, by key.
async fn column_of(app: &PowerCrud, name: &str, column: &str) -> Vec<Value> {
    let resource = app.resource(name).expect("a resource");
    let place = resource.table.columns.iter().position(|one| one.name == column).expect("a column");
    let page = query::list(app, resource, &params(resource)).await.expect("a list");
    page.rows.into_iter().map(|row| row.cells[place].value.clone()).collect()
}
