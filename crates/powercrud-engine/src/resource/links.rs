//! What is known of a resource once all of them are: who shows what it refers to, and whether its links may be written.

use std::collections::BTreeSet;

use super::Resource;

/// Links are rows of their join table: where no resource lets those be written, links can't be changed.
pub(super) fn hold_links(resources: &mut [Resource]) {
    let models = |read_only: bool| -> BTreeSet<String> {
        let such = resources.iter().filter(|resource| resource.read_only.is_some() == read_only);
        such.map(|resource| resource.model_name.clone()).collect()
    };
    let held: BTreeSet<_> = models(true).difference(&models(false)).cloned().collect();
    for resource in resources {
        let Resource { many_to_many, bulk_many_to_many, .. } = resource;
        bulk_many_to_many.retain(|&place| {
            let through = &many_to_many[place].through;
            through.unwritable.is_none() && !held.contains(&through.qualified_name())
        });
    }
}

/// Tells each reference which resource shows what it refers to, and under which field that resource names its records.
pub(super) fn link(resources: &mut [Resource]) {
    let known: Vec<_> = resources
        .iter()
        .map(|resource| {
            (resource.model_name.clone(), resource.name.clone(), resource.display_field().map(|f| f.column.clone()))
        })
        .collect();
    for reference in resources.iter_mut().flat_map(|resource| &mut resource.composite_references) {
        let target = known.iter().find(|(model, _, _)| *model == reference.model_name);
        reference.resource = target.map(|(_, name, _)| name.clone());
    }
    let references = resources.iter_mut().flat_map(|resource| {
        let of_fields = resource.fields.iter_mut().filter_map(|field| field.reference.as_mut());
        of_fields.chain(resource.many_to_many.iter_mut().map(|links| &mut links.reference))
    });
    for reference in references {
        let target = reference.table.qualified_name();
        let over = || known.iter().filter(|(model, _, _)| *model == target);
        if let Some((_, name, _)) = over().next() {
            reference.resource = Some(name.clone());
            // Only by a field that is shown there: else records are named, and searched, by their keys.
            reference.display = over().find_map(|(_, _, display)| display.clone());
        } else {
            // What no resource shows of a table is not shown by what refers to it, either.
            reference.display = None;
        }
    }
}
