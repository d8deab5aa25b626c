//! A shop of several tenants, with PowerCRUD's pages under `/admin`. Each file plugs one thing in:
//!
//! - [`login`]: the application's own sessions say whose a request is;
//! - [`policy`]: everybody works with the products of their tenant, and only managers see what things cost;
//! - [`actions`]: what people do to many products, as a set of changes, by statements, and by code for each;
//! - [`rules`]: what holds however a product is changed;
//! - [`notifier`]: a chat that hears of the ends of bulk tasks;
//! - [`backend`]: workers of the same process are told of tasks over a channel;
//! - [`running_low`]: a page of the shop's own within the frame, with a template of its own;
//! - `templates/base.html`: the shop's name in the top bar.

pub mod actions;
pub mod backend;
pub mod login;
pub mod notifier;
pub mod policy;
pub mod rules;
pub mod running_low;

use std::{path::PathBuf, sync::Arc};

use axum::{Router, middleware, routing};
use powercrud::{
    Channel, Computed, PowerCrud, Resource, User,
    page::{Link, Page},
};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr};

use crate::{backend::InProcess, login::Sessions, notifier::Chat, policy::Tenants, rules::StockRules};

/// The shop's tables, with two tenants and a few products.
pub const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS tenant (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE IF NOT EXISTS product (
        id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenant (id), name text NOT NULL, status text NOT NULL DEFAULT 'new',
        stock integer NOT NULL DEFAULT 0, price integer NOT NULL, cost integer NOT NULL DEFAULT 0
    );
    INSERT OR IGNORE INTO tenant VALUES (1, 'Books'), (2, 'Toys');
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 200)
    INSERT OR IGNORE INTO product (id, tenant_id, name, stock, price, cost)
    SELECT n, 1 + n % 2, 'Product ' || n, n % 7, 100 * n, 60 * n FROM number;
";

/// Makes the shop's tables where they are missing.
///
/// # Errors
/// The database's.
pub async fn fill(connection: &DatabaseConnection) -> Result<(), DbErr> {
    connection.execute_unprepared(TABLES).await.map(|_| ())
}

/// PowerCRUD as this shop configures it, for the program that serves pages and for workers alike.
///
/// # Errors
/// The database's, and mistakes of the configuration.
pub async fn administration(connection: DatabaseConnection, chat: Chat) -> powercrud::Result<PowerCrud> {
    PowerCrud::builder(connection)
        .title("The shop")
        .settings(|settings| {
            settings.templates_dir = Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")));
        })
        .resource(
            Resource::table("product")
                .list_fields(["name", "status", "stock", "price", "cost", "margin"])
                .computed("margin", Computed::integer("price - cost"))
                .bulk_fields(["status", "stock", "price"])
                .bulk_async_backend(InProcess::NAME)
                .bulk_async_notification([Channel::Messages, Channel::Callback])
                .action(actions::archive())
                .action(actions::restock())
                .action(actions::reorder())
                .validate(StockRules),
        )
        .resource(Resource::table("tenant").read_only(true))
        .user(|head| head.extensions.get::<User>().cloned())
        .login_url("/login")
        .logout_url("/logout")
        .token_user(|id| async move { login::account(&id).map(|account| account.user()) })
        .page(
            Page::new("running-low", Router::new().route("/", routing::get(running_low::page)))
                .label("Running low")
                .resource("product"),
        )
        .link(Link::within("Archived", "/resources/product?status=archived").may(policy::is_manager))
        .policy(Tenants)
        .notifier(chat)
        .backend(InProcess::default())
        .build()
        .await
}

/// The whole application: its login, and the pages for who is signed in.
pub fn application(powercrud: &PowerCrud) -> Router {
    let sessions = Arc::new(Sessions::default());
    let admin =
        powercrud.router_at("/admin").layer(middleware::from_fn_with_state(Arc::clone(&sessions), login::resolve));
    let login = Router::new()
        .route("/login", routing::get(login::page).post(login::sign_in))
        .route("/logout", routing::post(login::sign_out))
        .with_state(sessions);
    login.merge(admin)
}
