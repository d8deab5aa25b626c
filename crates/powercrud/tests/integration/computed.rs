//! Fields that the database computes: read like any other, never written.

use powercrud::{
    Action, Computed, Error, PowerCrud, Resource, Settings, User, bulk,
    policy::{Fields, Permission, Policy},
    query::{self, ListParams},
    record,
    token::Scope,
};
use serde_json::json;

use crate::{
    api::{Client, token_of},
    shop::{count, items},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! {
    it_is_shown_sorted_and_filtered, it_is_never_written, a_policy_hides_it, mistakes_are_told, it_is_filtered_in_bulk
}

fn item() -> powercrud::ResourceBuilder {
    Resource::table("item")
        .list_fields(["name", "margin", "label"])
        .computed("margin", Computed::integer("stock * 3 - 10"))
        .computed("label", "stock + 1")
        .computed("is_low", Computed::boolean("stock < 5"))
        .labels([("margin", "What is left")])
}

async fn open(database: &TestDatabase) -> PowerCrud {
    items(database, 30).await;
    PowerCrud::builder(database.clone()).open_to_everybody().resource(item()).build().await.expect("no mistakes")
}

/// A query string in pairs.
fn pairs(query: &str) -> Vec<(&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('=')).collect()
}

async fn texts(app: &PowerCrud, query: &str) -> Vec<String> {
    let item = app.resource("item").expect("a resource");
    let params = ListParams::parse(item, &pairs(query)).unwrap_or_else(|error| panic!("{query}: {error}"));
    let page = query::list(app, item, &params).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    page.rows
        .iter()
        .map(|row| format!("{} {} {}", row.key, row.cells[1].value.to_text(), row.cells[2].value.to_text()))
        .collect()
}

async fn it_is_shown_sorted_and_filtered(database: TestDatabase) {
    let app = open(&database).await;
    assert_eq!(texts(&app, "ordering=-margin&page_size=2").await, ["30 80 31", "29 77 30"]);
    // By the numbers that it is, whatever type it is shown as.
    assert_eq!(texts(&app, "ordering=label&page_size=2").await, ["1 -7 2", "2 -4 3"]);
    assert_eq!(texts(&app, "margin=5").await, ["5 5 6"]);
    assert_eq!(texts(&app, "margin__gte=76&ordering=margin").await, ["29 77 30", "30 80 31"]);
    assert_eq!(texts(&app, "margin__in=5,8").await, ["5 5 6", "6 8 7"]);
    assert_eq!(texts(&app, "label=6").await, ["5 5 6"]);
    assert_eq!(texts(&app, "label__contains=31").await, ["30 80 31"]);
    assert_eq!(texts(&app, "is_low=true").await.len(), 4);
    assert!(texts(&app, "margin__isnull=true").await.is_empty());
    let token = token_of(&app, User::operator(), &[Scope::Admin]).await;
    let client = Client::new(app.router(), &token);
    let answer = client.get("/api/v1/resources/item/records/5").await.expect(200).json;
    assert_eq!(answer["fields"]["margin"], json!(5), "{answer}");
    let answer = client.get("/api/v1/resources/item").await.expect(200).json;
    let fields = answer["fields"].as_array().expect("fields");
    let margin = fields.iter().find(|field| field["name"] == "margin").expect("a field");
    assert_eq!(
        (&margin["editable"], &margin["bulk_editable"], &margin["type"]),
        (&json!(false), &json!(false), &json!("integer")),
        "{margin}"
    );
    let mut browser = Browser::new(app.router());
    browser.get("/resources/item?ordering=-margin").await.expect(200).holds(&["What is left", ">80<"]);
    browser.get("/resources/item/records/5").await.expect(200).holds(&["What is left"]);
    let mistyped = client.get("/api/v1/resources/item/records?margin=many").await;
    assert_eq!(mistyped.status, 422);
}

async fn it_is_never_written(database: TestDatabase) {
    let app = open(&database).await;
    let item = app.resource("item").expect("a resource");
    assert!(item.bulk_fields().all(|field| !field.is_computed()));
    let margin = || vec![("margin".to_owned(), Some("3".to_owned()))];
    let operator = User::operator();
    for refused in [
        record::update(&app, &operator, item, "5", &margin()).await.map(|_| ()),
        record::create(&app, &operator, item, &margin()).await.map(|_| ()),
        bulk::update(&app, "item").set("margin", 3).all().run().await.map(|_| ()),
    ] {
        let Err(Error::Invalid(errors)) = refused else { panic!("it is computed: {refused:?}") };
        assert!(errors.iter().any(|error| error.field.as_deref() == Some("margin")), "{errors:?}");
    }
    let mut browser = Browser::new(app.router());
    browser.get("/resources/item/records/5/edit").await.expect(200).lacks(&["name=\"margin\"", "name=\"label\""]);
    // Edits of other fields go by it, and a delete keeps no column of it.
    record::update(&app, &operator, item, "5", &[("stock".to_owned(), Some("100".to_owned()))]).await.expect("an edit");
    assert_eq!(texts(&app, "margin=290").await, ["5 290 101"]);
    let answer = bulk::delete(&app, "item").keys([5]).run().await.expect("a delete");
    assert_eq!(answer.task().succeeded_records, 1);
}

async fn it_is_filtered_in_bulk(database: TestDatabase) {
    items(&database, 30).await;
    let item = item().bulk_revert(true);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let answer = bulk::update(&app, "item").set("note", "x").filter("margin__lt=0").run().await.expect("an update");
    assert_eq!(answer.task().succeeded_records, 3);
    let answer = bulk::delete(&app, "item").filter("margin__gte=0").in_background().run().await.expect("a delete");
    let task = crate::shop::work(&app, answer.task()).await;
    assert_eq!((task.succeeded_records, count(&database, "item").await), (27, 3));
    let reverted = bulk::revert(&app, &User::operator(), task.id).await.expect("a revert");
    crate::shop::work(&app, reverted.task()).await;
    assert_eq!(count(&database, "item").await, 30);
    assert_eq!(texts(&app, "ordering=-margin&page_size=1").await, ["30 80 31"]);
}

struct NoMargins;

impl Policy for NoMargins {
    fn may(&self, _user: &User, _permission: Permission<'_>, _resource: &Resource) -> bool {
        true
    }

    fn fields(&self, _user: &User, _resource: &Resource) -> Fields {
        Fields::all().hide(["margin"])
    }
}

async fn a_policy_hides_it(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item())
        .policy(NoMargins)
        .build()
        .await
        .expect("no mistakes");
    let own = app.for_user(&User::new("1", "Ann"));
    let item = own.resource("item").expect("a resource");
    assert!(item.field("margin").is_none() && item.field("label").is_some());
    for query in ["margin=5", "ordering=margin"] {
        let params = ListParams::parse(item, &pairs(query));
        assert!(params.is_err() || params.is_ok_and(|params| !params.refused.is_empty()), "{query}");
    }
}

async fn mistakes_are_told(database: TestDatabase) {
    items(&database, 3).await;
    let resource = Resource::table("item")
        .computed("stock", "1")
        .computed("twice", "stock * 2")
        .computed("twice", "stock * 2")
        .computed("a b", "1")
        .computed("nothing", " ")
        .computed("wrong", "stok + 1")
        .computed("named", "'x'")
        .display_field("named")
        .bulk_fields(["note", "twice"])
        .action(Action::set("fix", [("twice", Some(2))]));
    let Err(Error::Configuration(mistakes)) =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await
    else {
        panic!("there are mistakes")
    };
    for part in [
        "computed.stock: there is a field of this name already",
        "computed.twice: there is a field of this name already",
        "computed.a b: is no name of a field",
        "computed.nothing: is empty",
        "computed.wrong: the database does not take it",
        "computed.named: can't be the display_field",
        "bulk_fields: \"twice\" can't be written: it is computed",
        "actions.fix",
    ] {
        assert!(mistakes.iter().any(|mistake| mistake.contains(part)), "{part} is not among {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), 8, "{mistakes:#?}");
    // From a configuration.
    let mut settings = Settings::default();
    let own = settings.resources.entry("item".to_owned()).or_default();
    let computed = json!({"margin": "stock - 1", "twice": {"sql": "stock * 2", "type": "integer"}});
    own.set("computed", computed).expect("it fits");
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(settings.clone())
        .discover(true)
        .build()
        .await
        .expect("no mistakes");
    assert!(app.resource("item").expect("a resource").field("twice").is_some_and(|field| field.is_computed()));
    // They join those of the code; one of the same name replaces it.
    let in_code =
        Resource::table("item").computed("thrice", Computed::integer("stock * 3")).computed("twice", "'from the code'");
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().all_settings(settings.clone());
    let both = builder.resource(in_code).build().await.expect("no mistakes");
    let item = both.resource("item").expect("a resource");
    let names = item.fields.iter().filter(|field| field.is_computed()).map(|field| field.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["thrice", "margin", "twice"]);
    let rows = query::ListParams::from_conditions(item, &["twice=4".to_owned()]).expect("a filter of whole numbers");
    assert_eq!(query::count(&both, item, &rows).await.expect("a count"), 1);
    let own = settings.resources.entry("item".to_owned()).or_default();
    let mistake = own.set("computed", json!({"margin": {"sql": "1", "type": "money"}})).expect_err("no type");
    assert!(mistake.contains("\"integer\""), "{mistake}");
}
