//! What an address asks for and can't be: shown as it was typed, with what is wrong with it, and not applied.

use super::Chip;
use crate::web::{context::RequestContext, error::sentence};
use powercrud_engine::{
    query::{ListParams, Operator},
    resource::Resource,
};

/// The filters that are not applied, each with what is wrong with it.
pub(super) fn refused_chips(context: &RequestContext, resource: &Resource, params: &ListParams) -> Vec<Chip> {
    let mut chips = Vec::new();
    for (index, refused) in params.refused.iter().enumerate() {
        let Some((name, operator)) = refused.filter(resource) else { continue };
        let mut without = ListParams { page: 1, ..params.clone() };
        without.refused.remove(index);
        let field = resource.field(name);
        let operator = operator.unwrap_or(Operator::Exact.name());
        let known = field.and_then(|field| {
            let fit = Operator::fit_for(&field.column).iter().copied().find(|fit| fit.name() == operator)?;
            Some(fit.label(&field.column))
        });
        chips.push(Chip {
            field: resource.label_of(name),
            operator: known.unwrap_or(operator).to_owned(),
            value: refused.value.clone(),
            remove_href: context.paths.list_with(&resource.name, &without.to_pairs()),
            error: sentence(&refused.error.message),
        });
    }
    chips
}

/// What is wrong with the address, in words.
pub(super) fn problems(resource: &Resource, params: &ListParams) -> (String, Vec<String>) {
    let problems: Vec<_> = params
        .refused
        .iter()
        .map(|refused| match refused.error.field.as_deref() {
            Some(name) => sentence(&format!("{}: {}", resource.label_of(name), refused.error.message)),
            None => sentence(&refused.error.message),
        })
        .collect();
    let title = match problems.len() {
        0 => String::new(),
        1 => "This is not applied; the list shows what is found without it".to_owned(),
        many => format!("These {many} are not applied; the list shows what is found without them"),
    };
    (title, problems)
}
