//! Mistakes in the definition of actions and in requests for them.

use powercrud::{Action, ActionField, Error, PowerCrud, Resource, Selection, bulk};

use super::with_actions;
use crate::{
    shop::{action, count, items, keys},
    support::{TestDatabase, each_database},
};

each_database! { all_mistakes_of_a_definition_at_once, unknown_actions_and_values, a_table_that_is_not_written_has_none }

async fn all_mistakes_of_a_definition_at_once(database: TestDatabase) {
    items(&database, 3).await;
    let item = Resource::table("item")
        .fields(["id", "name", "price", "stock", "status"])
        .action(Action::set("good", [("stock", Some("0"))]))
        .action(Action::set(
            "bad",
            [("colour", Some("red")), ("stock", Some("many")), ("name", None), ("id", Some("1"))],
        ))
        .action(Action::set("hidden", [("note", Some("x"))]))
        .action(Action::set("good", [("stock", Some("1"))]))
        .action(Action::set("two words", [("stock", Some("1"))]))
        .action(Action::set("nothing", [] as [(&str, Option<&str>); 0]))
        .action(Action::set("form", [("stock", Some("1"))]).field(ActionField::text("why")))
        .action(Action::statements("code", |_| Ok(Vec::new())).field(ActionField::integer("n").default("x")));
    let built = PowerCrud::builder(database).open_to_everybody().resource(item).build().await;
    let Err(Error::Configuration(mistakes)) = built else { panic!("no mistakes") };
    let expected = [
        ("resources.item.actions.bad.set.colour: ", "there is no field \"colour\""),
        ("resources.item.actions.bad.set.stock: ", "\"many\" is not allowed"),
        ("resources.item.actions.bad.set.name: ", "must have a value"),
        ("resources.item.actions.bad.set.id: ", "part of the key"),
        ("resources.item.actions.hidden.set.note: ", "is hidden"),
        ("resources.item.actions.good: ", "two actions of this name"),
        ("resources.item.actions.two words: ", "is no name of an action"),
        ("resources.item.actions.nothing.set: ", "sets nothing"),
        ("resources.item.actions.form.fields: ", "has no form"),
        ("resources.item.actions.code.fields.n: ", "the default is no value of it"),
    ];
    for (place, what) in expected {
        let found = mistakes.iter().any(|mistake| mistake.starts_with(place) && mistake.contains(what));
        assert!(found, "{place}{what} is not in {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
}

async fn unknown_actions_and_values(database: TestDatabase) {
    items(&database, 30).await;
    let restock = Action::statements("restock", |_| Ok(Vec::new()))
        .field(ActionField::integer("copies").required())
        .field(ActionField::date("day"));
    let app = with_actions(&database, [restock]).await;
    let refused = async |name: &str, values: &[(&str, &str)]| {
        let mut request = action("item", name, keys([1]), []);
        let inputs = values.iter().map(|(field, text)| ((*field).to_owned(), Some((*text).to_owned()))).collect();
        request.operation = bulk::Requested::Action { name: name.to_owned(), values: inputs };
        bulk::run(&app, request).await.expect_err("a refusal")
    };
    let error = refused("destroy", &[]).await;
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("UNKNOWN_ACTION", "item has no action \"destroy\"; there are: restock")
    );
    let Error::Invalid(errors) = refused("restock", &[("day", "tomorrow"), ("colour", "red")]).await else { panic!() };
    let codes = errors.iter().map(|error| (error.field.as_deref().unwrap_or_default(), error.code.as_str()));
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [("colour", "UNKNOWN_FIELD"), ("copies", "NOT_NULL"), ("day", "INVALID_TYPE")]
    );
    assert_eq!(count(&database, "powercrud_bulk_task").await, 0);
}

async fn a_table_that_is_not_written_has_none(database: TestDatabase) {
    items(&database, 3).await;
    let item = Resource::table("item").read_only(true).action(Action::set("retire", [("status", Some("gone"))]));
    let app = PowerCrud::builder(database).open_to_everybody().resource(item).build().await.expect("no mistakes");
    assert!(app.resource("item").expect("a resource").actions.is_empty());
    let error = bulk::run(&app, action("item", "retire", Selection::All, [])).await.expect_err("a refusal");
    assert_eq!(error.code(), "READ_ONLY");
}
