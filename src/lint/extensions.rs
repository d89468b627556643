//! The extensions in the image of a rendered configuration, as far as its name tells of them. Pure.

use super::Repository;
use super::catalogue::repository as catalogue;
use super::finding::{Finding, Sink};
use super::part::{Part, below, text};
use super::unit;
use crate::config::render::{extensions_of, schematics};

/// The extensions; `None` if there is no telling, which is found where a configuration is for one of them.
pub(super) fn of_image(
    part: &Part<'_>,
    repositories: &[Repository],
    sink: &mut Sink,
) -> Option<Vec<String>> {
    let node = unit::image(part)?;
    let image = text(node)?;
    let known = repositories.iter().map(|repository| &repository.schematics);
    let known = known.filter_map(|known| extensions_of(image, known)).next();
    if let Some(known) = known.or_else(|| extensions_of(image, &schematics(&[]))) {
        return Some(known);
    }
    let is_for_one = part.documents.iter().any(|root| {
        let kind = below(root, &["kind"]).and_then(|it| text(it));
        kind == Some("ExtensionServiceConfig")
    });
    if is_for_one {
        let message = "which extensions this image has cannot be told from its name";
        let at = part.at(node.place);
        sink.add(Finding::new(&catalogue::UNKNOWN_EXTENSIONS, at, message));
    }
    None
}
