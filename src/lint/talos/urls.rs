//! What Talos wants of a URL beyond its form. Pure.

use super::view::{Out, View};
use crate::config::schema::url::Url;

/// The URL of a place; `None` if there is none.
pub(super) fn of(view: &View<'_>) -> Option<Url> {
    Url::parse(view.text())
}

/// The URL, unless the text is empty, which Talos takes for none.
pub(super) fn given(view: &View<'_>) -> Option<Url> {
    of(view).filter(|_| !view.text().is_empty())
}

/// An endpoint: a host, and a port that there can be.
pub(super) fn endpoint(view: &View<'_>, out: &mut Out<'_>) {
    match of(view) {
        None => out.refuse(view, "no URL"),
        Some(url) if url.host_name().is_empty() => out.refuse(view, "it has no host"),
        Some(url) => {
            let port: Option<u32> = url.port().parse().ok();
            let fits = url.port().is_empty() || port.is_some_and(|it| (1..=65535).contains(&it));
            out.refuse_if(!fits, view, "ports go from 1 to 65535");
        }
    }
}

/// A scheme out of some, and no path.
pub(super) fn plain(view: &View<'_>, schemes: &[&str], path: bool, out: &mut Out<'_>) {
    let Some(url) = given(view) else {
        out.refuse(view, "a URL is required");
        return;
    };
    if !schemes.contains(&url.scheme()) {
        let shown: Vec<String> = schemes.iter().map(|it| format!("{it}://")).collect();
        out.refuse(view, shown.join(" or "));
    }
    let longer = !path && !matches!(url.path(), "" | "/");
    out.refuse_if(longer, view, "it must not have a path");
}
