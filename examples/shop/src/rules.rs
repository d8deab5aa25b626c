//! What holds however a product is changed: by a form, in bulk, by an action, through the API.

use futures_util::future::BoxFuture;
use powercrud::{
    AppError,
    validate::{ChangedRecord, Validate},
};

/// Stock is never negative, and a price never falls by more than half.
pub struct StockRules;

impl Validate for StockRules {
    fn record<'a>(&'a self, record: &'a ChangedRecord<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let Some(after) = record.after() else { return Ok(()) };
            if after.integer("stock").unwrap_or(0) < 0 {
                return Err(AppError::new("NEGATIVE", "can't be less than nothing").field("stock"));
            }
            let price = after.integer("price").unwrap_or(0);
            match record.before().and_then(|before| before.integer("price")) {
                Some(before) if price * 2 < before => {
                    Err(AppError::new("FALLS_TOO_FAR", "can't fall by more than half").field("price"))
                }
                _ => Ok(()),
            }
        })
    }
}
