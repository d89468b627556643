//! The text of a file of profiles to [`Profile`]s, as strictly as a configuration.

use super::{BUILT_IN, Match, Profile, Setting};
use crate::config::context::{Context, Field};
use crate::config::own::{self, one_or_more};
use crate::config::{ConfigError, Source};

pub(super) const TOP: [&str; 2] = ["version", "profiles"];
pub(super) const PROFILE: [&str; 6] = ["name", "title", "match", "extends", "settings", "left"];
pub(super) const MATCH: [&str; 6] = [
    "usb",
    "driver",
    "model",
    "rotational",
    "removable",
    "optimalIoSize",
];
pub(super) const SETTING: [&str; 6] = ["key", "value", "reason", "cost", "source", "needs"];
pub(super) const LEFT: [&str; 2] = ["key", "reason"];

/// The profiles of this version.
pub fn built_in() -> Vec<Profile> {
    let source = Source {
        name: "built-in",
        text: BUILT_IN,
    };
    // A test reads the file; what is compiled in is what was tested.
    parse(source, &[]).unwrap_or_default()
}

/// Reads a file of profiles; its profiles may extend those in `known`.
///
/// # Errors
/// [`ConfigError`] with a diagnostic for every mistake.
pub fn parse(source: Source<'_>, known: &[Profile]) -> Result<Vec<Profile>, ConfigError> {
    own::document(source, |ctx, root| read(ctx, root, known))
}

fn read(ctx: &mut Context<'_>, root: Field<'_>, known: &[Profile]) -> Vec<Profile> {
    let mut profiles: Vec<Profile> = Vec::new();
    let Some(root) = ctx.map(root, &TOP) else {
        return profiles;
    };
    match root.get("version") {
        Some(version) => {
            if ctx.number(&version, u64::MAX).is_some_and(|it| it != 1) {
                ctx.bad(&version, "a version that this keelblock does not know", "1");
            }
        }
        None => ctx.missing(&root, "there is no version", "version: 1"),
    }
    let list = root.get("profiles");
    for field in list.map_or_else(Vec::new, |list| ctx.list(&list)) {
        if let Some(profile) = profile(ctx, field, &profiles, known) {
            profiles.push(profile);
        }
    }
    profiles
}

fn profile(
    ctx: &mut Context<'_>,
    field: Field<'_>,
    before: &[Profile],
    known: &[Profile],
) -> Option<Profile> {
    let field = ctx.map(field, &PROFILE)?;
    let at = ctx.location(field.node.place);
    let name = needed(ctx, &field, "name")?;
    if before.iter().any(|profile| profile.name == name) {
        let allowed = "a name that no profile above it has";
        ctx.bad(&field, "a second profile of this name", allowed);
    }
    let title = ctx.text_at(&field, "title");
    let mut profile = Profile {
        title: title.unwrap_or_else(|| name.clone()),
        name,
        at,
        matching: field.get("match").and_then(|f| matching(ctx, f)),
        settings: Vec::new(),
        left: Vec::new(),
    };
    if let Some(extends) = field.get("extends")
        && let Some(name) = ctx.text(&extends)
    {
        let mut all = before.iter().chain(known);
        match all.find(|profile| profile.name == name) {
            Some(base) => {
                profile.settings.clone_from(&base.settings);
                profile.left.clone_from(&base.left);
            }
            None => ctx.bad(&extends, "no such profile", "the name of one above it"),
        }
    }
    for key in ["settings", "left"] {
        let Some(list) = field.get(key) else { continue };
        for item in ctx.list(&list) {
            if key == "settings" {
                add_setting(ctx, item, &mut profile);
            } else {
                add_left(ctx, item, &mut profile);
            }
        }
    }
    Some(profile)
}

fn matching(ctx: &mut Context<'_>, field: Field<'_>) -> Option<Match> {
    let field = ctx.map(field, &MATCH)?;
    let several = |ctx: &mut Context<'_>, key: &str| -> Vec<String> {
        let Some(field) = field.get(key) else {
            return Vec::new();
        };
        let texts = one_or_more(ctx, &field);
        let is_list = field.node.shape() == "a list";
        if texts.iter().any(|(text, _)| text.is_empty()) || is_list && texts.is_empty() {
            ctx.bad(&field, &format!("an empty {key}"), &format!("{key}: …"));
        }
        texts.into_iter().map(|(text, _)| text).collect()
    };
    let found = Match {
        usb: several(ctx, "usb"),
        driver: several(ctx, "driver"),
        model: field
            .get("model")
            .and_then(|model| filled(ctx, &model, "model")),
        rotational: ctx.flag_at(&field, "rotational"),
        removable: ctx.flag_at(&field, "removable"),
        optimal_io_size: field
            .get("optimalIoSize")
            .and_then(|size| ctx.number(&size, u64::MAX)),
    };
    if !MATCH.iter().any(|key| field.get(key).is_some()) {
        ctx.missing(&field, "it would match every disk", &MATCH.join(", "));
    }
    if let Some(usb) = field.get("usb")
        && !found.usb.iter().all(|id| is_usb_id(id))
    {
        let allowed = "idVendor:idProduct, each four hexadecimal digits in lower case, in quotes";
        ctx.bad(&usb, "not the id of a USB device", allowed);
    }
    Some(found)
}

fn is_usb_id(id: &str) -> bool {
    let part = |part: &str| {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.len() == 4 && part.bytes().all(hex)
    };
    id.split_once(':')
        .is_some_and(|(vendor, product)| part(vendor) && part(product))
}

fn add_setting(ctx: &mut Context<'_>, field: Field<'_>, profile: &mut Profile) {
    let Some(field) = ctx.map(field, &SETTING) else {
        return;
    };
    let (Some(key), Some(value), Some(reason)) = (
        needed(ctx, &field, "key"),
        needed(ctx, &field, "value"),
        needed(ctx, &field, "reason"),
    ) else {
        return;
    };
    if !is_key(&key)
        && let Some(field) = field.get("key")
    {
        let allowed = "queue/…, bdi/…, device/…, scsi_disk/…, usb/…, module/NAME/PARAMETER, or a sysctl with dots";
        ctx.bad(&field, "not the name of a setting", allowed);
    }
    let needs = field.get("needs");
    let needs_proof = needs.is_some_and(|needs| {
        let text = ctx.text(&needs);
        let known = text.as_deref() == Some("trim-proof");
        if text.is_some() && !known {
            ctx.bad(&needs, "not a thing that can be needed", "trim-proof");
        }
        known
    });
    profile.settings.retain(|setting| setting.key != key);
    profile.left.retain(|(left, _)| *left != key);
    profile.settings.push(Setting {
        key,
        value,
        reason,
        cost: ctx.text_at(&field, "cost").unwrap_or_default(),
        source: ctx.text_at(&field, "source").unwrap_or_default(),
        needs_proof,
    });
}

fn add_left(ctx: &mut Context<'_>, field: Field<'_>, profile: &mut Profile) {
    let Some(field) = ctx.map(field, &LEFT) else {
        return;
    };
    let (Some(key), Some(reason)) = (needed(ctx, &field, "key"), needed(ctx, &field, "reason"))
    else {
        return;
    };
    profile.settings.retain(|setting| setting.key != key);
    profile.left.retain(|(left, _)| *left != key);
    profile.left.push((key, reason));
}

/// What every setting is named by; nothing that leads out of the directory of its device.
fn is_key(key: &str) -> bool {
    let plain = key.split('/').all(|name| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-:".contains(c);
        !matches!(name, "" | "." | "..") && name.chars().all(allowed)
    });
    let of_disk = ["queue/", "bdi/", "device/", "scsi_disk/", "usb/"];
    plain
        && match key.strip_prefix("module/") {
            Some(rest) => rest.split('/').count() == 2,
            None => {
                of_disk.iter().any(|prefix| key.starts_with(prefix))
                    || (key.contains('.') && !key.contains('/'))
            }
        }
}

fn needed(ctx: &mut Context<'_>, field: &Field<'_>, key: &str) -> Option<String> {
    let Some(found) = field.get(key) else {
        ctx.missing(field, &format!("there is no {key}"), &format!("{key}: …"));
        return None;
    };
    filled(ctx, &found, key)
}

/// Text that says something; an empty one would count as none.
fn filled(ctx: &mut Context<'_>, field: &Field<'_>, key: &str) -> Option<String> {
    let text = ctx.text(field)?;
    if text.is_empty() {
        ctx.bad(field, &format!("an empty {key}"), &format!("{key}: …"));
        return None;
    }
    Some(text)
}
