//! One record, by the functions of `record`: every kind of value is written and read back.

mod elsewhere;
mod moved;
mod raised;

use powercrud::{PowerCrud, Resource, User, db::Value, record};

use crate::support::{Kind, TestDatabase, each_database, oddities};

each_database! { every_cell_is_written_back, records_are_found_by_their_keys }

async fn app(database: TestDatabase) -> PowerCrud {
    oddities(&database).await;
    PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("discovery")
}

/// Writes each cell's own text over NULL in another record, and reads the same value from there.
async fn every_cell_is_written_back(database: TestDatabase) {
    let kind = database.kind;
    let app = app(database).await;
    let resource = app.resource("kind").expect("a resource");
    let full = record::get(&app, resource, "1").await.expect("the record");
    for (field, cell) in resource.fields.iter().zip(&full.cells).filter(|(field, _)| !field.key) {
        let what = &field.name;
        let text = cell.value.to_text();
        match &cell.value {
            Value::Bytes(_) | Value::Raw(_) => continue,
            value => assert!(!value.is_null(), "{what} is to be written, but its own record has none"),
        }
        record::update(&app, &User::operator(), resource, "2", &[(what.clone(), Some(text))])
            .await
            .unwrap_or_else(|error| panic!("{what} = {:?}: {error}", cell.value));
        assert_eq!(value(&app, resource, "2", what).await, cell.value, "{what}");
        record::update(&app, &User::operator(), resource, "2", &[(what.clone(), None)]).await.expect("NULL");
        assert_eq!(value(&app, resource, "2", what).await, Value::Null, "{what}");
    }
    // Text that looks like SQL, or like a parameter, stays text.
    let odd = "'; DROP TABLE kind; -- $1 ? ?? \\ \"";
    let table = app.resource("order").expect("a resource");
    for field in ["why? $1", "Naïve \"Col\"", "semi;colon", "select"] {
        let input = [(field.to_owned(), Some(odd.to_owned()))];
        record::update(&app, &User::operator(), table, "2", &input)
            .await
            .unwrap_or_else(|error| panic!("{field}: {error}"));
        assert_eq!(value(&app, table, "2", field).await, Value::Text(odd.into()), "{field}");
    }
    if kind == Kind::Postgres {
        let order = app.resource("Other Schema.order").expect("a resource");
        record::update(&app, &User::operator(), order, "1", &[("mood".into(), Some("meh".into()))])
            .await
            .expect("a choice");
        assert_eq!(value(&app, order, "1", "mood").await, Value::Text("meh".into()));
    }
}

/// Every record of every table with a key is found by the key that its list says.
async fn records_are_found_by_their_keys(database: TestDatabase) {
    use powercrud::query::{ListParams, list};
    let app = app(database).await;
    let mut found = 0;
    for resource in app.resources().iter().filter(|resource| !resource.table.primary_key.is_empty()) {
        let page = list(&app, resource, &ListParams::default()).await.expect("a list");
        for row in page.rows {
            let own = record::get(&app, resource, &row.key).await;
            let own = own.unwrap_or_else(|error| panic!("{} {:?}: {error}", resource.name, row.key));
            assert_eq!(own.key, row.key);
            found += 1;
        }
    }
    assert!(found > 10, "only {found} records");
}

async fn value(app: &PowerCrud, resource: &Resource, key: &str, field: &str) -> Value {
    let place = resource.fields.iter().position(|one| one.name == field).expect("a field");
    record::get(app, resource, key).await.expect("the record").cells[place].value.clone()
}
