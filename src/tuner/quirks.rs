//! The `quirks` parameters of `usb-storage` and `usbcore`: a list of `idVendor:idProduct:letters`, as
//! Documentation/admin-guide/kernel-parameters.txt has it. Pure: no I/O.
//!
//! The kernel keeps whatever is written, so a list is extended, never replaced: other devices' entries stay.

/// Longer lists are cut off by the kernel, which would read half an entry.
const LONGEST: usize = 127;

/// Whether the setting `key` is such a list.
pub fn is_list(key: &str) -> bool {
    matches!(key, "module/usb_storage/quirks" | "module/usbcore/quirks")
}

/// Whether every entry of `wanted` is in `now`, with all its letters.
pub fn contains(now: &str, wanted: &str) -> bool {
    let has = |(id, letters): (&str, &str)| {
        let mut same = entries(now).filter(|entry| entry.0.eq_ignore_ascii_case(id));
        same.next_back()
            .is_some_and(|(_, found)| letters.chars().all(|letter| found.contains(letter)))
    };
    entries(wanted).all(has)
}

/// `now` with the entries of `wanted` added to it; `None` if that is longer than the kernel takes.
pub fn merged(now: &str, wanted: &str) -> Option<String> {
    let mut list: Vec<(String, String)> = Vec::new();
    for (id, letters) in entries(now).chain(entries(wanted)) {
        match list
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(id))
        {
            Some((_, known)) => {
                let new: String = letters.chars().filter(|c| !known.contains(*c)).collect();
                known.push_str(&new);
            }
            None => list.push((id.to_owned(), letters.to_owned())),
        }
    }
    let texts: Vec<String> = list
        .iter()
        .map(|(id, letters)| format!("{id}:{letters}"))
        .collect();
    let text = texts.join(",");
    (text.len() <= LONGEST).then_some(text)
}

fn entries(list: &str) -> impl DoubleEndedIterator<Item = (&str, &str)> {
    let entries = list.trim().split(',').filter(|entry| !entry.is_empty());
    entries.map(|entry| entry.rsplit_once(':').unwrap_or((entry, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_what_is_in_it_and_gains_what_is_wanted() {
        let cases = [
            ("", "04e8:4001:u", Some("04e8:4001:u")),
            (
                "152d:0567:f",
                "04e8:4001:u",
                Some("152d:0567:f,04e8:4001:u"),
            ),
            ("04E8:4001:f\n", "04e8:4001:u", Some("04E8:4001:fu")),
            ("04e8:4001:u", "04e8:4001:u", Some("04e8:4001:u")),
        ];
        for (now, wanted, merged_list) in cases {
            let list = merged(now, wanted);
            assert_eq!(list.as_deref(), merged_list);
            assert!(contains(&list.unwrap(), wanted));
        }
        assert!(!contains("04e8:4001:f", "04e8:4001:u"));
        assert!(!contains("", "04e8:4001:u"));
        let full: Vec<String> = (0..11).map(|i| format!("04e8:40{i:02}:u")).collect();
        assert_eq!(merged(&full.join(","), "04e8:61fb:u"), None);
    }

    #[test]
    fn of_two_entries_for_one_device_the_later_one_counts() {
        assert!(!contains("04e8:4001:u,04e8:4001:", "04e8:4001:u"));
    }
}
