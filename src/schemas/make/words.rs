//! Descriptions: from the comments of the code to what a reader of JSON needs.

/// The text without links into the code: of a link, its last name stays, and what is none is null.
pub(super) fn of_json(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        let Some((name, after)) = link.split_once(']').filter(|(name, _)| is_link(name)) else {
            out.push('[');
            rest = link;
            continue;
        };
        let name = name.trim_matches('`');
        out.push('`');
        out.push_str(name.rsplit("::").next().unwrap_or(name));
        out.push('`');
        rest = after;
    }
    out.push_str(rest);
    let lines: Vec<&str> = out.split('\n').map(str::trim).collect();
    lines.join(" ").replace("``", "").replace("`None`", "null")
}

/// Whether a pair of brackets holds a name of the code, not a word such as `disks[0]`.
fn is_link(name: &str) -> bool {
    name.starts_with('`') && name.ends_with('`') && name.len() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_into_the_code_are_names_and_none_is_null() {
        for (text, wanted) in [
            ("Index into [`Plan::disks`].", "Index into `disks`."),
            ("Zeroes [`DiskPlan::wipe`]`[wipe]`.", "Zeroes `wipe[wipe]`."),
            (
                "`None` for one\nof `a[1]` [sic",
                "null for one of `a[1]` [sic",
            ),
        ] {
            assert_eq!(of_json(text), wanted);
        }
    }
}
