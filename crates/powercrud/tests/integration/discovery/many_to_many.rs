//! Which tables make many-to-many fields, and how settings name, hide and list them.

use powercrud::{Error, PowerCrud, Resource, ResourceBuilder, Texts};

use crate::{
    shop::discovered,
    support::{TestDatabase, chinook, each_database},
};

each_database! { what_is_a_join_table, real_schemas, settings, mistakes_in_settings }

const TABLES: &str = "
CREATE TABLE book (id integer PRIMARY KEY, title varchar(40), tags integer, grade integer UNIQUE);
CREATE TABLE tag (id integer PRIMARY KEY, name varchar(40));
CREATE TABLE shop (country varchar(2) NOT NULL, number integer NOT NULL, PRIMARY KEY (country, number));
CREATE TABLE book_tag (book_id integer NOT NULL, tag_id integer NOT NULL,
  PRIMARY KEY (book_id, tag_id), FOREIGN KEY (book_id) REFERENCES book (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
CREATE TABLE hidden_tag (book integer NOT NULL, tag integer NOT NULL, since integer DEFAULT 1 NOT NULL, note varchar(10),
  UNIQUE (tag, book), FOREIGN KEY (book) REFERENCES book (id), FOREIGN KEY (tag) REFERENCES tag (id));
CREATE TABLE rated_tag (book integer NOT NULL, tag integer NOT NULL, stars integer NOT NULL, PRIMARY KEY (book, tag),
  FOREIGN KEY (book) REFERENCES book (id), FOREIGN KEY (tag) REFERENCES tag (id));
CREATE TABLE tag_use (id integer PRIMARY KEY, book integer NOT NULL, tag integer NOT NULL,
  FOREIGN KEY (book) REFERENCES book (id), FOREIGN KEY (tag) REFERENCES tag (id));
CREATE TABLE by_grade (grade integer NOT NULL, tag integer NOT NULL, PRIMARY KEY (grade, tag),
  FOREIGN KEY (grade) REFERENCES book (grade), FOREIGN KEY (tag) REFERENCES tag (id));
CREATE TABLE sold_in (book integer NOT NULL, country varchar(2) NOT NULL, number integer NOT NULL,
  PRIMARY KEY (book, country, number), FOREIGN KEY (book) REFERENCES book (id),
  FOREIGN KEY (country, number) REFERENCES shop (country, number));
CREATE TABLE sequel (book_id integer NOT NULL, sequel_id integer NOT NULL, PRIMARY KEY (book_id, sequel_id),
  FOREIGN KEY (book_id) REFERENCES book (id), FOREIGN KEY (sequel_id) REFERENCES book (id));
";

async fn tables(database: &TestDatabase) {
    database.execute(TABLES).await;
}

/// Name, join table and other table of each many-to-many field.
fn links(app: &PowerCrud, resource: &str) -> Vec<(String, String, String)> {
    let resource = app.resource(resource).expect("a resource");
    let links = resource.many_to_many.iter();
    links.map(|one| (one.name.clone(), one.through.name.clone(), one.reference.table.name.clone())).collect()
}

fn names(app: &PowerCrud, resource: &str) -> Vec<String> {
    links(app, resource).into_iter().map(|(name, _, _)| name).collect()
}

async fn what_is_a_join_table(database: TestDatabase) {
    tables(&database).await;
    let app = discovered(&database).await;
    let of = |name: &str, through: &str, other: &str| (name.to_owned(), through.to_owned(), other.to_owned());
    // `tags` is a column already, so the links are named after their table.
    let expected = [
        of("book_tag", "book_tag", "tag"),
        of("hidden_tag", "hidden_tag", "tag"),
        of("sequels", "sequel", "book"),
        of("books", "sequel", "book"),
    ];
    assert_eq!(links(&app, "book"), expected);
    assert_eq!(links(&app, "tag"), [of("books", "book_tag", "book"), of("hidden_tag", "hidden_tag", "book")]);
    assert!(links(&app, "shop").is_empty() && links(&app, "sold_in").is_empty());
}

async fn real_schemas(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let app = discovered(&database).await;
    let lower = |names: Vec<String>| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    assert_eq!(lower(names(&app, "track")), ["playlists"]);
    assert_eq!(lower(names(&app, "playlist")), ["tracks"]);
    let linked = app.resources().iter().filter(|resource| !resource.many_to_many.is_empty()).count();
    assert_eq!(linked, 2);
}

async fn settings(database: TestDatabase) {
    tables(&database).await;
    let built = async |book: ResourceBuilder| {
        PowerCrud::builder(database.clone())
            .open_to_everybody()
            .discover(true)
            .resource(book)
            .build()
            .await
            .expect("a configuration")
    };
    let texts = |pairs: &[(&str, &str)]| -> Texts {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    };
    let named = texts(&[("book_tag", "labels"), ("hidden_tag", ""), ("sequel.book_id", "prequels")]);
    let book = Resource::table("book").many_to_many(named.clone()).labels(texts(&[("labels", "Stickers")]));
    let app = built(book).await;
    assert_eq!(names(&app, "book"), ["labels", "prequels", "sequels"]);
    let book = app.resource("book").expect("books");
    assert_eq!((book.many_to_many[0].label.as_str(), book.can_bulk_edit()), ("Stickers", true));
    // What is listed is there, and nothing else.
    let book = Resource::table("book").many_to_many(named).fields(["id", "title", "labels", "sequels"]);
    let app = built(book.bulk_fields(["sequels", "title"])).await;
    assert_eq!(names(&app, "book"), ["labels", "sequels"]);
    let book = app.resource("book").expect("books");
    let bulk: Vec<_> = book.bulk_many_to_many().map(|links| links.name.as_str()).collect();
    assert_eq!((bulk, book.bulk_fields().count()), (vec!["sequels"], 1));
    let app = built(Resource::table("book").read_only(true)).await;
    assert!(!app.resource("book").expect("books").can_bulk_edit());
}

async fn mistakes_in_settings(database: TestDatabase) {
    tables(&database).await;
    let named: Texts = [("book_tag", "title"), ("tag_use", "uses")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let book = Resource::table("book").many_to_many(named).bulk_fields(["nothing"]).fields(["id", "stickers"]);
    let Err(Error::Configuration(mistakes)) =
        PowerCrud::builder(database).open_to_everybody().resource(book).build().await
    else {
        panic!("the mistakes are not seen");
    };
    let all = mistakes.join("\n");
    for part in [
        "resources.book.many_to_many: \"tag_use\" is no table that links book with others; there are: book_tag, hidden_tag, sequel",
        "there is a field \"title\" already",
        "has no column \"stickers\"; there are: id, title, tags, grade, hidden_tag",
        "resources.book.bulk_fields: there is no field \"nothing\"; allowed are: id",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    assert_eq!(mistakes.len(), 4, "{all}");
}
