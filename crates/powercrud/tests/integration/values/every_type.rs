//! The judge: a table with a column of every type that the database has, rows with hostile values, and plain SQL that looks at every byte.
//!
//! Each record's form is opened and sent back as a browser does, unchanged and with one field changed; each record is read by a program
//! and sent back; and each value is searched for as it is shown.

use std::collections::HashSet;

use powercrud::{
    Resource,
    db::{ColumnType, Value},
    query::Row,
    record,
};
use sea_orm::{ConnectionTrait as _, Statement};

use super::{
    Shown, one, open,
    page::Form,
    types::{mysql, postgres, sqlite},
};
use crate::{
    support::{Kind, TestDatabase, each_database},
    web::browser::encode,
};

each_database! { every_value_survives }

async fn every_value_survives(database: TestDatabase) {
    let columns = match database.kind {
        Kind::Sqlite => sqlite(&database).await,
        Kind::Postgres => postgres(&database).await,
        Kind::Mysql => mysql(&database).await,
    };
    let mut shown = open(&database).await;
    let resource = shown.app.resource("thing").expect("a resource").clone();
    let page = shown.api.get("/api/v1/resources/thing/records?page_size=1000").await.expect(200);
    let keys: Vec<String> = page.keys().iter().map(|key| (*key).to_owned()).collect();
    assert!(keys.len() > 3, "only {} rows", keys.len());
    let (mut faults, mut searched) = (Vec::new(), HashSet::new());
    for key in &keys {
        let row = record::get(&shown.app, &resource, key).await.expect("the record");
        let before = bytes(&database, &columns, key).await;
        let mut compare = |what: &str, after: &[String]| {
            for ((column, before), after) in columns.iter().zip(&before).zip(after) {
                if before != after {
                    faults.push(format!("{what}: record {key}, {column}: {before} became {after}"));
                }
            }
        };
        let action = format!("/resources/thing/records/{key}/edit");
        let opened = shown.browser.get(&action).await.expect(200);
        let form = Form::read(&opened.text, &action);
        shown.browser.post(&action, &form.body()).await.location();
        compare("a form sent back unchanged", &bytes(&database, &columns, key).await);
        let mut changed = form.with("note", &format!("changed {key}"));
        // A browser sends what is in the box; nothing else was touched.
        shown.browser.post(&action, &changed.body()).await.location();
        assert_eq!(one(&database, &format!("SELECT note FROM thing WHERE id = {key}")).await, format!("changed {key}"));
        compare("a form with another note", &bytes(&database, &columns, key).await);
        changed.0.clear();
        compare("a program that sends all back", &sent_back(&shown, &database, &columns, key).await);
        faults.extend(not_found(&shown, &resource, &row, &mut searched).await);
    }
    let told = faults.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} faults, the first of them:\n{told}", faults.len());
}

/// The record after a program has sent back all that it read.
async fn sent_back(shown: &Shown, database: &TestDatabase, columns: &[String], key: &str) -> Vec<String> {
    let path = format!("/api/v1/resources/thing/records/{key}");
    let (status, _, text) = shown.api.text(&path).await;
    assert_eq!(status, 200, "{text}");
    // Parsed and written again, as programs do, but with the documents in it as they are.
    let record: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&text).expect("an object");
    let mut fields: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(record["fields"].get()).expect("an object");
    // The API takes no NUL.
    fields.retain(|_, value| !value.get().contains("\\u0000"));
    let body = serde_json::to_string(&fields).expect("JSON");
    shown.api.send(axum::http::Method::PATCH, &path, Some(body)).await.expect(200);
    bytes(database, columns, key).await
}

/// The values of a record that a filter by what is shown does not find it by.
async fn not_found(shown: &Shown, resource: &Resource, row: &Row, searched: &mut HashSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (field, cell) in resource.fields.iter().zip(&row.cells) {
        // The note is another by now; and each value is looked for once.
        let is_filter = resource.filter_fields().any(|other| other.name == field.name);
        if field.name == "note" || !is_filter || !searched.insert(format!("{} {:?}", field.name, cell.value)) {
            continue;
        }
        let text = cell.value.to_text();
        let name = encode(&field.name);
        let conditions = match &cell.value {
            Value::Null => vec![format!("{name}__isnull=true")],
            Value::Bytes(_) => continue,
            _ if text.contains('\0') => continue,
            // What a column's type does not announce is searched as text.
            // Very large and small numbers have as many spellings as there are programs.
            Value::Raw(text) | Value::Text(text) if text.len() > 100 || text == "inf" || text.contains("e+") => {
                continue;
            }
            Value::Raw(text) => vec![format!("{name}__contains={}", encode(text))],
            Value::Text(text) if field.column.column_type == ColumnType::Other => {
                vec![format!("{name}={}", encode(text)), format!("{name}__contains={}", encode(text))]
            }
            _ => vec![format!("{name}={}", encode(&text))],
        };
        for condition in conditions {
            let path = format!("/api/v1/resources/thing/records?page_size=1000&{condition}");
            let answer = shown.api.get(&path).await;
            let found = answer.status == 200 && answer.keys().contains(&row.key.as_str());
            if !found {
                let value = &cell.value;
                let (key, name, json) = (&row.key, &field.name, &answer.json);
                faults.push(format!("record {key} is not found by {name} {value:?} ({condition}): {json:.300}"));
            }
        }
    }
    faults
}

/// Every byte of a row but its key and note, by column.
async fn bytes(database: &TestDatabase, columns: &[String], key: &str) -> Vec<String> {
    let expressions: Vec<String> = columns
        .iter()
        .map(|column| match database.kind {
            Kind::Sqlite => format!(
                "typeof(\"{column}\") || ' ' || CASE typeof(\"{column}\") WHEN 'real' THEN quote(\"{column}\") ELSE '' END \
                || ' ' || hex(\"{column}\")"
            ),
            Kind::Postgres => format!("CAST(\"{column}\" AS text)"),
            Kind::Mysql if column.starts_with("g_") => format!("HEX(ST_AsWKB(`{column}`))"),
            Kind::Mysql if column.starts_with("c_float") => format!("CAST(`{column}` + 0E0 AS CHAR)"),
            Kind::Mysql => format!("CAST(HEX(CAST(`{column}` AS BINARY)) AS CHAR)"),
        })
        .collect();
    let sql = format!("SELECT {} FROM thing WHERE id = {key}", expressions.join(", "));
    let connection = database.connection();
    let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
    let row = row.expect("plain SQL").expect("the row");
    let cell = |index| row.try_get_by_index::<Option<String>>(index).expect("a text");
    (0..columns.len()).map(|index| cell(index).unwrap_or_else(|| "NULL".to_owned())).collect()
}
