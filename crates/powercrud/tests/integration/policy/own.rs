//! A policy of the application's own, whose rows are a condition.

use powercrud::{
    Error, PowerCrud, Resource, Selection, User, bulk,
    policy::{Fields, Permission, Policy, Rows},
    query, record,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};

use super::books;
use crate::{
    shop::{carry_out, counts, update},
    support::{TestDatabase, each_database},
};

each_database! { a_condition_holds_everywhere }

/// Everybody sees the books of the publisher of their own name, by a look into the database, and reviews of those.
struct OwnHouse;

impl Policy for OwnHouse {
    fn may(&self, user: &User, permission: Permission<'_>, resource: &Resource) -> bool {
        resource.name != "tag" && (user.name == "Own house" || permission == Permission::View)
    }

    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let name = user.name.clone();
        let own = move || Query::select().column("id").from("publisher").and_where(Expr::col("name").eq(&*name)).take();
        match resource.name.as_str() {
            "book" => Rows::condition(move |row| Condition::all().add(row.column("publisher_id").in_subquery(own()))),
            "review" => Rows::condition(move |row| {
                let books = Query::select()
                    .column("id")
                    .from("book")
                    .and_where(Expr::col("publisher_id").in_subquery(own()))
                    .take();
                Condition::all().add(row.column("book_id").in_subquery(books))
            }),
            "publisher" => Rows::equal("name", &user.name),
            _ => Rows::All,
        }
    }

    fn fields(&self, _user: &User, _resource: &Resource) -> Fields {
        Fields::all().hide(["cost", "id"]).read_only(["isbn"])
    }
}

async fn a_condition_holds_everywhere(database: TestDatabase) {
    books(&database).await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .discover(true)
        .policy(OwnHouse)
        .build()
        .await
        .expect("no mistakes");
    let ann = User::new("1", "Own house");
    let own = app.for_user(&ann);
    let names: Vec<_> = own.resources().iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["book", "book_tag", "publisher", "review"]);
    let book = own.resource("book").expect("books").clone();
    // A key can't be hidden.
    assert!(book.field("id").is_some() && book.field("cost").is_none());
    assert_eq!(query::count(&own, &book, &Default::default()).await.expect("a count"), 6);
    let review = own.resource("review").expect("reviews").clone();
    assert_eq!(query::count(&own, &review, &Default::default()).await.expect("a count"), 5);
    let mut request = update("book", Selection::All, [("status", Some("x"))]);
    request.user = ann.clone();
    assert_eq!(counts(&carry_out(&app, request.clone()).await), (6, 0, 0));
    let isbn = record::update(&app, &ann, &book, "1", &[("isbn".into(), Some("z".into()))]).await;
    assert!(matches!(isbn, Err(Error::Invalid(errors)) if errors[0].code == "READ_ONLY_FIELD"));
    let moved = record::update(&app, &ann, &book, "1", &[("publisher_id".into(), Some("2".into()))]).await;
    assert!(matches!(moved, Err(Error::Invalid(errors)) if errors[0].code == "FOREIGN_KEY"));
    // Reviews go with their book, and are hers to delete.
    record::delete(&app, &ann, &book, "1").await.expect("all of it is hers");
    let bob = User::new("2", "Nobody's house");
    request.user = bob.clone();
    assert!(matches!(bulk::plan(&app, request).await, Err(Error::Forbidden(_))));
    assert_eq!(query::count(&app.for_user(&bob), &book_of(&app, &bob), &Default::default()).await.expect("a count"), 0);
    // The operator sees all.
    assert_eq!(
        query::count(&app, app.resource("book").expect("books"), &Default::default()).await.expect("a count"),
        11
    );
}

fn book_of(app: &PowerCrud, user: &User) -> std::sync::Arc<Resource> {
    app.for_user(user).resource("book").expect("books").clone()
}
