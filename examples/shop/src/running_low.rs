//! A page of the shop's own: what is to be ordered again.

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use powercrud::{
    page::Frame,
    query::{self, ListParams},
};
use serde::Serialize;

/// What `templates/running_low.html` shows.
#[derive(Serialize)]
struct RunningLow {
    count: u64,
    products: Vec<Product>,
    list_href: String,
}

#[derive(Serialize)]
struct Product {
    name: String,
    href: String,
}

/// `GET /admin/pages/running-low`
pub async fn page(frame: Frame) -> Response {
    match running_low(&frame).await {
        Ok(view) => frame.render("Running low", "running_low.html", &view).await,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Of the products that its user sees, those of which there is one or none.
async fn running_low(frame: &Frame) -> powercrud::Result<RunningLow> {
    let powercrud = frame.powercrud();
    let product = powercrud.resource("product")?;
    let params = ListParams::from_conditions(product, &["stock__lte=1"])?;
    let page = query::list(powercrud, product, &params).await?;
    let name = product.list_fields().position(|field| field.name == "name").unwrap_or_default();
    let products = page.rows.iter().map(|row| Product {
        name: row.cells.get(name).map(|cell| cell.value.to_text()).unwrap_or_default(),
        href: frame.href(&format!("/resources/product/records/{}", row.key)),
    });
    Ok(RunningLow {
        count: query::count(powercrud, product, &params).await?,
        products: products.collect(),
        list_href: frame.href("/resources/product?stock__lte=1"),
    })
}
