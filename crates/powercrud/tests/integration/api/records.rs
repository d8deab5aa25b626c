//! Resources and single records.

use powercrud::{PowerCrud, Resource};
use serde_json::json;

use super::{client::Client, open, token_of};
use crate::{
    shop::discovered,
    support::{TestDatabase, each_database, oddities},
    web::browser::Browser,
};

each_database! { references_of_several_columns, resources_are_described, lists_filter_order_and_page, a_record_lives_and_dies, mistakes_are_told_at_once, odd_keys_and_values_survive }

const BOOKS: &str = "/api/v1/resources/book/records";

async fn resources_are_described(database: TestDatabase) {
    let (_, api) = open(database).await;
    let all = api.get("/api/v1/resources").await.expect(200);
    let names: Vec<_> = all.json["resources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&json!("book")) && names.contains(&&json!("author")), "{names:?}");
    let book = api.get("/api/v1/resources/book").await.expect(200).json;
    assert_eq!((&book["key"], &book["read_only"], &book["bulk_delete"]), (&json!(["id"]), &json!(null), &json!(true)));
    let field = |name: &str| {
        let fields = book["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("{name} in {book:#}")).clone()
    };
    let author = field("author_id");
    assert_eq!((&author["type"], &author["nullable"]), (&json!("integer"), &json!(false)));
    assert_eq!(author["reference"], json!({"table": "author", "field": "id", "resource": "author"}));
    assert_eq!(field("status")["choices"], json!(["draft", "published", "archived"]));
    assert_eq!(field("status")["has_default"], true);
    assert_eq!((&field("id")["key"], &field("id")["bulk_editable"]), (&json!(true), &json!(false)));
    assert_eq!((&field("price")["type"], &field("published")["type"]), (&json!("decimal"), &json!("date")));
    assert!(field("price")["operators"].as_array().unwrap().contains(&json!("gte")));
    api.get("/api/v1/resources/nope").await.expect_problem(404, "UNKNOWN_RESOURCE", &["there are: ", "book"]);
}

async fn lists_filter_order_and_page(database: TestDatabase) {
    let (_, api) = open(database).await;
    let page = api.get(&format!("{BOOKS}?price__gte=55&status=draft&ordering=-id")).await.expect(200);
    assert_eq!(page.keys(), ["60", "58", "56"]);
    assert_eq!((&page.json["count"], &page.json["count_is_exact"]), (&json!(3), &json!(true)));
    let record = &page.json["records"][0];
    assert_eq!(
        record["fields"],
        json!({"id": 60, "title": "Book 60", "author_id": 1, "isbn": "isbn-60", "price": "60.50", "status": "draft",
            "published": "2026-01-31", "notes": null})
    );
    assert_eq!(record["names"], json!({"author_id": "Ann Adler"}));
    let second = api.get(&format!("{BOOKS}?q=book&page_size=7&page=2&ordering=id")).await.expect(200);
    assert_eq!(second.keys(), ["8", "9", "10", "11", "12", "13", "14"]);
    assert_eq!((&second.json["has_next"], &second.json["count"]), (&json!(true), &json!(60)));
    let last = api.get(&format!("{BOOKS}?page=3")).await.expect(200);
    assert_eq!((last.keys().len(), &last.json["has_next"]), (10, &json!(false)));
    assert_eq!(api.get(&format!("{BOOKS}?page=999999999&page_size=1000")).await.expect(200).keys(), [""; 0]);
    for (query, field, code) in [
        ("nope=1", "nope", "UNKNOWN_FIELD"),
        ("price__almost=1", "price", "UNKNOWN_OPERATOR"),
        ("price__gte=cheap", "price", "INVALID_TYPE"),
        ("price__ne=cheap", "price", "INVALID_TYPE"),
        ("page=0", "page", "INVALID_TYPE"),
        ("page=18446744073709551615", "page", "INVALID_TYPE"),
        ("page_size=1001", "page_size", "OUT_OF_RANGE"),
        ("ordering=nope", "nope", "UNKNOWN_FIELD"),
        ("q=a%00b", "q", "INVALID_VALUE"),
    ] {
        let answer = api.get(&format!("{BOOKS}?{query}")).await.expect_problem(422, "INVALID", &[]);
        assert_eq!(
            (&answer.json["errors"][0]["field"], &answer.json["errors"][0]["code"]),
            (&json!(field), &json!(code))
        );
    }
}

async fn a_record_lives_and_dies(database: TestDatabase) {
    let (_, api) = open(database).await;
    let mut new = json!({"title": "Ünïcode \"q\"", "author_id": 2, "price": "12.50", "published": "2026-03-01"});
    // SQLite numbers records by itself.
    if api.get("/api/v1/resources/book").await.json["fields"][0]["editable"] == true {
        new["id"] = json!(61);
    }
    let made = api.post(BOOKS, new).await.expect(201);
    let place = made.header("location").to_owned();
    assert_eq!((place.as_str(), &made.json["key"]), (format!("{BOOKS}/61").as_str(), &json!("61")));
    let read = api.get(&place).await.expect(200);
    assert_eq!(read.json, made.json);
    assert_eq!((&read.json["fields"]["price"], &read.json["fields"]["status"]), (&json!("12.50"), &json!("draft")));
    let changed = api.patch(&place, json!({"price": 0.1, "isbn": null, "notes": "new"})).await.expect(200);
    let fields = &changed.json["fields"];
    assert_eq!((&fields["price"], &fields["notes"]), (&json!("0.10"), &json!("new")));
    assert_eq!((&fields["isbn"], &fields["title"]), (&json!(null), &json!("Ünïcode \"q\"")));
    assert_eq!(api.patch(&place, json!({})).await.expect(200).json, changed.json);
    api.delete(&place).await.expect(204);
    api.get(&place).await.expect_problem(404, "RECORD_NOT_FOUND", &["no book with key 61"]);
    api.patch(&place, json!({"notes": "x"})).await.expect_problem(404, "RECORD_NOT_FOUND", &[]);
    api.delete(&place).await.expect_problem(404, "RECORD_NOT_FOUND", &[]);
    // An order line refers to this one.
    let kept = api.delete(&format!("{BOOKS}/1")).await.expect_problem(422, "INVALID", &[]);
    assert_eq!(kept.json["errors"][0]["code"], "FOREIGN_KEY");
    assert_eq!(kept.json["errors"][0]["message"], "order lines refer to it (order_line.book_id)");
    api.get(&format!("{BOOKS}/1")).await.expect(200);
}

async fn mistakes_are_told_at_once(database: TestDatabase) {
    let (_, api) = open(database).await;
    let bad = json!({"title": 5, "price": [1], "status": true});
    let answer = api.post(BOOKS, bad).await.expect_problem(422, "INVALID", &["title", "price", "status"]);
    assert_eq!(answer.json["errors"].as_array().unwrap().len(), 3);
    let bad = json!({"id": 61, "title": "x", "price": "12345678.00", "status": "sold", "nope": 1});
    let answer = api.post(BOOKS, bad).await.expect(422);
    let told: Vec<_> =
        answer.json["errors"].as_array().unwrap().iter().map(|error| (&error["field"], &error["code"])).collect();
    for expected in
        [("price", "OUT_OF_RANGE"), ("status", "INVALID_CHOICE"), ("nope", "UNKNOWN_FIELD"), ("author_id", "NOT_NULL")]
    {
        assert!(told.contains(&(&json!(expected.0), &json!(expected.1))), "{expected:?} in {told:?}");
    }
    let answer = api.patch(&format!("{BOOKS}/5"), json!({"isbn": "isbn-6"})).await.expect(422);
    assert_eq!(
        (&answer.json["errors"][0]["field"], &answer.json["errors"][0]["code"]),
        (&json!("isbn"), &json!("UNIQUE"))
    );
    let answer = api.patch(&format!("{BOOKS}/5"), json!({"author_id": 77})).await.expect(422);
    assert_eq!(answer.json["errors"][0]["code"], "FOREIGN_KEY");
    let answer = api.patch(&format!("{BOOKS}/5"), json!({"id": 77})).await.expect(422);
    assert_eq!(answer.json["errors"][0]["code"], "READ_ONLY_FIELD");
    let twice = "{\"title\": \"a\", \"title\": \"b\"}".to_owned();
    let answer = api.send(axum::http::Method::PATCH, &format!("{BOOKS}/5"), Some(twice)).await.expect(422);
    assert_eq!(answer.json["errors"][0]["code"], "DUPLICATE_FIELD");
    let answer = api.patch(&format!("{BOOKS}/5"), json!({"title": "a\0b"})).await.expect(422);
    assert_eq!(answer.json["errors"][0]["code"], "INVALID_VALUE");
    assert_eq!(api.get(&format!("{BOOKS}/5")).await.json["fields"]["title"], "Book 05");
}

/// Every record of every table can be had by the key that its list gives, whatever names, keys and types the database holds.
async fn odd_keys_and_values_survive(database: TestDatabase) {
    oddities(&database).await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("no mistakes");
    let api = Client::new(app.router(), &token_of(&app, powercrud::User::operator(), &[]).await);
    let mut seen = 0;
    for resource in app.resources() {
        let records = format!("/api/v1/resources/{}/records", segment(&resource.name));
        let page = api.get(&format!("{records}?page_size=1000")).await.expect(200);
        for record in page.json["records"].as_array().unwrap() {
            if resource.table.primary_key.is_empty() {
                continue;
            }
            let one = api.get(&format!("{records}/{}", segment(record["key"].as_str().unwrap()))).await.expect(200);
            assert_eq!(&one.json, record, "{}", resource.name);
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} records were seen");
}

fn segment(text: &str) -> String {
    let mark = if matches!(text, "" | "." | "..") || text.starts_with('~') { "~" } else { "" };
    format!("{mark}{}", crate::web::browser::encode(text))
}

/// A reference of two columns: programs are told what it leads to, people the name of the record, as far as they may see it.
async fn references_of_several_columns(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (room varchar(10) NOT NULL, number integer NOT NULL, name varchar(20) NOT NULL, PRIMARY KEY (room, number));
             CREATE TABLE book (id integer PRIMARY KEY, at_number integer, in_room varchar(10),
               FOREIGN KEY (in_room, at_number) REFERENCES shelf (room, number));
             INSERT INTO shelf VALUES ('a/b', 7, 'Poetry');
             INSERT INTO book VALUES (1, 7, 'a/b'), (2, NULL, 'a/b');",
        )
        .await;
    let page_of = |app: PowerCrud, id: u32| async move {
        let page = Browser::new(app.router()).get(&format!("/resources/book/records/{id}")).await.expect(200);
        let api = Client::nobody(app.router()).get("/api/v1/resources/book").await.expect(200);
        (page.text, api.json["composite_references"].clone())
    };
    let (page, told) = page_of(discovered(&database).await, 1).await;
    let reference = |resource| json!([{"columns": ["in_room", "at_number"], "table": "shelf", "referenced_columns": ["room", "number"], "resource": resource}]);
    assert_eq!(told, reference(json!("shelf")));
    assert!(page.contains("Poetry") && page.contains("/resources/shelf/records/"), "{page}");
    let (page, _) = page_of(discovered(&database).await, 2).await;
    assert!(!page.contains("/resources/shelf/records/"), "{page}");
    // Of whom the other table is hidden it is the key that leads there.
    let alone = PowerCrud::builder(database.clone()).open_to_everybody().resource(Resource::table("book"));
    let alone = alone.build().await.expect("no mistakes");
    let (page, told) = page_of(alone, 1).await;
    assert_eq!(told, reference(json!(null)));
    assert!(!page.contains("Poetry"), "{page}");
}
