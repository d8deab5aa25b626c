//! An application of its own, with SeaORM entities and a route of its own, and PowerCRUD's pages under `/admin`.
//!
//! `cargo run -p powercrud --example minimal` makes `minimal.db` where it is missing and serves it on <http://127.0.0.1:3000>.

use axum::{Router, extract::State, routing::get};
use powercrud::{PowerCrud, Resource, User};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait as _, DatabaseConnection, EntityTrait as _, PaginatorTrait as _, Set,
};
use tokio_util::sync::CancellationToken;

mod author {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) name: String,
        #[sea_orm(has_many)]
        pub(crate) books: HasMany<super::book::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod book {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) author_id: i32,
        pub(crate) title: String,
        pub(crate) in_stock: bool,
        pub(crate) published: Option<Date>,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub(crate) author: HasOne<super::author::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let connection = sea_orm::Database::connect("sqlite:minimal.db?mode=rwc").await?;
    let powercrud = administration(&connection).await?;

    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    // A bare router would be copied for each connection.
    axum::serve(listener, application(connection, &powercrud).into_make_service())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    // Running bulk tasks finish their chunk; the next start goes on with them.
    stop.cancel();
    Ok(worker.await??)
}

/// PowerCRUD over the application's own connection and entities.
pub(crate) async fn administration(connection: &DatabaseConnection) -> Result<PowerCrud, Failure> {
    fill(connection).await?;
    let powercrud = PowerCrud::builder(connection.clone())
        .title("Bookshop")
        .resource(Resource::entity::<author::Entity>().bulk_delete(false))
        .resource(
            Resource::entity::<book::Entity>()
                .list_fields(["title", "author_id", "in_stock", "published"])
                .bulk_fields(["author_id", "in_stock"])
                .bulk_min_async_records(50)
                .ordering(["title"])
                .paginate_by(20),
        )
        // Your own login goes here; who is not signed in gets `None`.
        .user(|_request| Some(User::new("1", "Ann").staff(true)))
        .build()
        .await?;
    Ok(powercrud)
}

/// The application: a route of its own, and PowerCRUD's pages under `/admin`.
pub(crate) fn application(connection: DatabaseConnection, powercrud: &PowerCrud) -> Router {
    Router::new().route("/", get(home)).merge(powercrud.router_at("/admin")).with_state(connection)
}

async fn home(State(connection): State<DatabaseConnection>) -> Result<String, String> {
    let books = book::Entity::find().count(&connection).await.map_err(|error| error.to_string())?;
    Ok(format!("There are {books} books. Look after them at /admin.\n"))
}

/// Makes the tables and a few rows where they are missing.
async fn fill(connection: &DatabaseConnection) -> Result<(), Failure> {
    let schema = sea_orm::Schema::new(connection.get_database_backend());
    for mut table in [schema.create_table_from_entity(author::Entity), schema.create_table_from_entity(book::Entity)] {
        connection.execute(table.if_not_exists()).await?;
    }
    if author::Entity::find().count(connection).await? > 0 {
        return Ok(());
    }
    for name in ["Ida Rot", "Jan Blau"] {
        let author = author::ActiveModel { name: Set(name.into()), ..Default::default() }.insert(connection).await?;
        let books = (1..=100).map(|number| book::ActiveModel {
            author_id: Set(author.id),
            title: Set(format!("{name}, volume {number}")),
            in_stock: Set(number % 3 > 0),
            ..Default::default()
        });
        book::Entity::insert_many(books).exec(connection).await?;
    }
    Ok(())
}
