//! What people do to many products beside changing fields and deleting.

use powercrud::{Action, ActionField, AppError};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _},
};

/// A named set of changes.
pub fn archive() -> Action {
    Action::set("archive", [("status", Some("archived"))]).label("Archive").confirm("Archived products are not sold.")
}

/// One statement for all of a chunk's products.
pub fn restock() -> Action {
    Action::statements("restock", |chunk| {
        let copies = chunk.values().integer("copies").unwrap_or_default();
        let mut update = chunk.update();
        update.value("stock", Expr::col("stock").add(copies));
        Ok(vec![update.into()])
    })
    .label("Restock")
    .field(ActionField::integer("copies").required().help("How many to add to the stock of each"))
}

/// Code for each product, with an effect outside the database.
pub fn reorder() -> Action {
    Action::for_each("reorder", |product| {
        Box::pin(async move {
            if product.integer("stock").unwrap_or(0) > 3 {
                return Err(AppError::new("IN_STOCK", "there is enough of it").field("stock"));
            }
            // The supplier is told once, however often this runs: it knows the key.
            let _order = format!("10 × {}, {}", product.text("name").unwrap_or_default(), product.idempotency_key());
            let mut update = product.update();
            update.value("status", "ordered");
            product.transaction().execute(&update).await?;
            Ok(())
        })
    })
    .label("Reorder")
}
