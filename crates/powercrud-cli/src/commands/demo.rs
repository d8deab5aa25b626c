//! `powercrud demo`

use anyhow::Result;
use powercrud::{
    Action, ActionField, Error, LoginMode, PowerCrud, Resource, ResourceBuilder, Settings,
    account::{self, NewAccount},
    db::Database,
};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use uuid::Uuid;

use super::serve;
use crate::{
    args::Demo,
    config::Config,
    demo::Bookshop,
    exit::Exit,
    output::{grouped, print},
};

pub(super) async fn run(arguments: Demo) -> Result<Exit> {
    let bind = arguments.listen.bind.unwrap_or(Config::default().bind);
    let login = arguments.login;
    serve::reachable(&arguments.listen, bind, login)?;
    if !arguments.data_dir.join("bookshop.db").exists() || arguments.reset {
        eprintln!("Making a bookshop of {} books in {} …", grouped(arguments.rows), arguments.data_dir.display());
    }
    let shop = Bookshop::open(&arguments.data_dir, arguments.rows, arguments.reset).await?;
    if shop.reused {
        eprintln!(
            "Using the bookshop of {} books in {}; --reset makes it anew.",
            grouped(shop.books),
            arguments.data_dir.display()
        );
    }
    let database = Database::connect(&shop.address()).await.map_err(powercrud::Error::from)?;
    powercrud::db::migrate(&database).await?;
    if login {
        add_users(&database).await?;
    }
    let settings = Settings { login: if login { LoginMode::Always } else { LoginMode::Off }, ..settings() };
    let settings = Settings { allowed_hosts: vec![bind.ip().to_string()], ..settings };
    let mut builder = PowerCrud::builder(database).all_settings(settings);
    if !login {
        builder = builder.open_to_everybody();
    }
    let builder = resources().into_iter().fold(builder, |builder, resource| builder.resource(resource));
    let powercrud = builder.build().await?;
    serve::serve(powercrud, bind, true).await
}

/// Two users, so that it can be seen what one sees of the other. Their passwords are new at each start: a demo's passwords that never
/// change would be everybody's.
async fn add_users(database: &Database) -> Result<()> {
    for (name, is_staff) in [("ann", true), ("bob", false)] {
        let password = Uuid::new_v4().simple().to_string()[..12].to_owned();
        match account::set_password(database, &powercrud::User::operator(), name, &password).await {
            Err(Error::UnknownUser(_)) => {
                let new = NewAccount { name: name.into(), email: None, password: password.clone(), is_staff };
                account::create(database, &powercrud::User::operator(), new).await?;
            }
            result => drop(result?),
        }
        print(&format!("{name}{} signs in with {password}", if is_staff { " (staff)" } else { "" }));
    }
    Ok(())
}

fn settings() -> Settings {
    Settings { title: "Bookshop".into(), discover: true, ..Settings::default() }
}

/// What an operator would put into powercrud.toml; here in code, so that the demo is one command.
fn resources() -> Vec<ResourceBuilder> {
    vec![
        Resource::table("book")
            .action(take_out_of_print())
            .action(restock())
            .list_fields([
                "title",
                "author_id",
                "status",
                "format",
                "price",
                "sale_price",
                "stock",
                "published_on",
                "is_featured",
            ])
            .search_fields(["title", "isbn"])
            .ordering(["title"])
            .bulk_revert(true)
            .bulk_fields([
                "status",
                "format",
                "price",
                "sale_price",
                "stock",
                "publisher_id",
                "tags",
                "published_on",
                "is_featured",
                "blurb",
            ])
            .labels(texts(&[
                ("isbn", "ISBN"),
                ("author_id", "Author"),
                ("publisher_id", "Publisher"),
                ("is_featured", "Featured"),
            ]))
            .help_texts(texts(&[
                ("isbn", "13 digits, the last of them the check digit. No two books share one."),
                ("sale_price", "Must be below the price; empty when the book is not on sale."),
                ("stock", "Copies in the shop. E-books and audiobooks have none."),
                ("details", "Edition, weight and the like, as JSON."),
            ])),
        Resource::table("author").search_fields(["name"]).ordering(["name"]),
        Resource::table("publisher").search_fields(["name", "city"]).ordering(["name"]),
        Resource::table("tag").ordering(["name"]),
        Resource::table("book_tag")
            .label("book tag")
            .label_plural("book tags")
            .labels(texts(&[("book_id", "Book"), ("tag_id", "Tag")])),
        Resource::table("customer")
            .search_fields(["name", "email", "city"])
            .ordering(["name"])
            .bulk_fields(["city", "newsletter"]),
        Resource::table("order")
            // By its number; the first text it has is the customer's note.
            .display_field("id")
            .ordering(["-ordered_at"])
            .bulk_fields(["status", "note"])
            .labels(texts(&[("customer_id", "Customer")])),
        Resource::table("order_line").bulk_fields(["quantity"]).labels(texts(&[
            ("order_id", "Order"),
            ("book_id", "Book"),
            ("line_number", "Line"),
        ])),
        Resource::table("bestseller").ordering(["-copies_sold"]).labels(texts(&[("book_id", "Book number")])),
    ]
}

fn take_out_of_print() -> Action {
    let changes = [("status", Some("out_of_print")), ("is_featured", Some("false")), ("sale_price", None)];
    Action::set("take_out_of_print", changes)
        .label("Take out of print")
        .confirm("These books are featured no longer, and not on sale. What is in stock can still be bought.")
}

fn restock() -> Action {
    Action::statements("restock", |chunk| {
        let copies = chunk.values().integer("copies").unwrap_or_default();
        let mut update = chunk.update();
        update.value("stock", Expr::col("stock").add(copies));
        Ok(vec![update.into()])
    })
    .field(
        ActionField::integer("copies").required().default(10).help("How many arrive of each; less than 0 to take away"),
    )
}

fn texts(texts: &[(&str, &str)]) -> powercrud::Texts {
    texts.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
}
