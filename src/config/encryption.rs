//! `encryption` of volume documents and `machine.systemDiskEncryption`.
//!
//! Checks what Talos checks, and what it only finds out when the disk is being sealed: cipher, perf
//! options, keyslot numbers, empty passphrases. Everything below `keys` is kept out of messages.

use super::context::{Context, Field};
use super::spec::{Cipher, Encryption, EncryptionForm, Key, KeySource};
use crate::secret::Secret;

/// Highest LUKS2 keyslot.
const MAX_SLOT: u64 = 31;
/// Perf options that Talos hands to cryptsetup.
const OPTIONS: [&str; 3] = ["no_read_workqueue", "no_write_workqueue", "same_cpu_crypt"];
const CIPHERS: [Cipher; 3] = [
    Cipher::AesXts,
    Cipher::XChaCha12Adiantum,
    Cipher::XChaCha20Adiantum,
];
const KEYS: [&str; 7] = [
    "provider",
    "keys",
    "cipher",
    "keySize",
    "blockSize",
    "options",
    "allowDiscards",
];

/// The encryption in `field`; `None` if it is empty in a document, or wrong.
pub(super) fn encryption(
    ctx: &mut Context<'_>,
    field: Field<'_>,
    form: EncryptionForm,
) -> Option<Encryption> {
    let known = match form {
        EncryptionForm::Legacy => &KEYS[..6],
        EncryptionForm::Document => &KEYS[..],
    };
    let field = ctx.map(field, known)?;
    let provider = ctx.text_at(&field, "provider").unwrap_or_default();
    let items = field
        .get("keys")
        .map(|keys| ctx.list(&keys.hide()))
        .unwrap_or_default();
    let none = provider.is_empty() || provider.eq_ignore_ascii_case("none");
    if form == EncryptionForm::Document && none && items.is_empty() {
        if !field.entries().is_empty() {
            ctx.warn(
                &field,
                format!(
                    "{}: nothing is encrypted: there is no provider and no key",
                    field.path
                ),
            );
        }
        return None;
    }
    check_provider(ctx, &field, &provider, form);
    if items.is_empty() {
        ctx.missing(&field, "no encryption keys", "at least one key in `keys`");
    }
    let keys: Vec<Key> = items
        .into_iter()
        .filter_map(|item| key(ctx, item, form))
        .collect();
    check_slots(ctx, &field, &keys);
    let cipher_text = ctx.text_at(&field, "cipher").unwrap_or_default();
    let cipher = cipher(ctx, &field, &cipher_text);
    let key_size = field
        .get("keySize")
        .and_then(|f| key_size(ctx, &f, cipher))
        .unwrap_or(0);
    Some(Encryption {
        at: ctx.location(field.node.place),
        form,
        provider: provider.to_ascii_lowercase(),
        cipher,
        cipher_text,
        key_size,
        block_size: field
            .get("blockSize")
            .and_then(|f| block_size(ctx, &f))
            .unwrap_or(0),
        options: field.get("options").map(|f| options(ctx, &f)),
        allow_discards: ctx.flag_at(&field, "allowDiscards"),
        keys,
    })
}

fn check_provider(ctx: &mut Context<'_>, field: &Field<'_>, provider: &str, form: EncryptionForm) {
    if provider.eq_ignore_ascii_case("luks2")
        || (provider.is_empty() && form == EncryptionForm::Legacy)
    {
        return;
    }
    match field.get("provider") {
        Some(written) => ctx.bad(&written, "unknown encryption provider", "luks2"),
        None => ctx.missing(field, "no encryption provider", "provider: luks2"),
    }
}

fn check_slots(ctx: &mut Context<'_>, field: &Field<'_>, keys: &[Key]) {
    for (i, key) in keys.iter().enumerate() {
        if let Some(first) = keys[..i].iter().find(|other| other.slot == key.slot) {
            let message = format!("slot {} is used twice", key.slot);
            let path = format!("{}.keys", field.path);
            ctx.conflict(
                key.at.clone(),
                &path,
                &message,
                "every slot once; 0 where none is written",
                first.at.clone(),
            );
        }
    }
}

fn cipher(ctx: &mut Context<'_>, field: &Field<'_>, text: &str) -> Cipher {
    if text.is_empty() {
        return Cipher::AesXts;
    }
    let found = CIPHERS.into_iter().find(|cipher| cipher.name() == text);
    if found.is_none()
        && let Some(written) = field.get("cipher")
    {
        let allowed = CIPHERS.map(Cipher::name).join(" or ");
        ctx.bad(&written, "unknown cipher", &allowed);
    }
    found.unwrap_or(Cipher::AesXts)
}

fn key_size(ctx: &mut Context<'_>, field: &Field<'_>, cipher: Cipher) -> Option<u32> {
    let size = u32::try_from(ctx.number(field, u64::from(u32::MAX))?).ok()?;
    let (fits, allowed) = match cipher {
        Cipher::AesXts => (matches!(size, 0 | 256 | 512), "256 or 512 bits"),
        Cipher::XChaCha12Adiantum | Cipher::XChaCha20Adiantum => {
            (matches!(size, 0 | 256), "256 bits")
        }
    };
    if !fits {
        ctx.bad(
            field,
            &format!("{} takes no such key", cipher.name()),
            allowed,
        );
    }
    fits.then_some(size)
}

fn block_size(ctx: &mut Context<'_>, field: &Field<'_>) -> Option<u64> {
    let size = ctx.number(field, u64::MAX)?;
    let fits = matches!(size, 0 | 512 | 1024 | 2048 | 4096);
    if !fits {
        ctx.bad(
            field,
            "LUKS2 has no such sector",
            "512, 1024, 2048 or 4096 bytes",
        );
    }
    fits.then_some(size)
}

fn options(ctx: &mut Context<'_>, field: &Field<'_>) -> Vec<String> {
    let mut options = Vec::new();
    for item in ctx.list(field) {
        if let Some(option) = ctx.text(&item) {
            if !OPTIONS.contains(&option.as_str()) {
                ctx.bad(&item, "unknown option", &OPTIONS.join(", "));
            }
            options.push(option);
        }
    }
    options
}

fn key(ctx: &mut Context<'_>, field: Field<'_>, form: EncryptionForm) -> Option<Key> {
    let known = match form {
        EncryptionForm::Legacy => &["slot", "static", "nodeID", "kms", "tpm"][..],
        EncryptionForm::Document => &["slot", "static", "nodeID", "kms", "tpm", "lockToState"][..],
    };
    let field = ctx.map(field, known)?;
    let slot = match field.get("slot") {
        Some(slot) => ctx.number(&slot, MAX_SLOT)?,
        None => 0,
    };
    let mut sources = [
        ("static", passphrase as Reader),
        ("nodeID", node_id as Reader),
        ("kms", kms as Reader),
        ("tpm", tpm as Reader),
    ]
    .into_iter()
    .filter_map(|(name, read)| Some((name, read, field.get(name)?)))
    .collect::<Vec<_>>()
    .into_iter();
    let Some((name, read, first)) = sources.next() else {
        let message = format!("slot {slot} says nothing about its key");
        ctx.missing(&field, &message, "static, nodeID, kms or tpm");
        return None;
    };
    let source = read(ctx, first, form);
    for (other, read, rest) in sources {
        read(ctx, rest, form);
        let message = format!(
            "{}: slot {slot} has more than one kind of key: Talos takes {name} and passes over {other}",
            field.path
        );
        ctx.warn(&field, message);
    }
    Some(Key {
        at: ctx.location(field.node.place),
        slot: u32::try_from(slot).ok()?,
        source: source?,
        lock_to_state: ctx.flag_at(&field, "lockToState"),
    })
}

type Reader = fn(&mut Context<'_>, Field<'_>, EncryptionForm) -> Option<KeySource>;

fn passphrase(ctx: &mut Context<'_>, field: Field<'_>, _: EncryptionForm) -> Option<KeySource> {
    let field = ctx.map(field, &["passphrase"])?;
    let Some(written) = field.get("passphrase") else {
        ctx.missing(&field, "no passphrase", "a passphrase that is not empty");
        return None;
    };
    let text = ctx.secret(&written)?;
    if text.is_empty() {
        ctx.missing(
            &written,
            "the passphrase is empty",
            "a passphrase that is not empty",
        );
        return None;
    }
    Some(KeySource::Static(Secret::new(text.as_bytes().to_vec())))
}

fn node_id(ctx: &mut Context<'_>, field: Field<'_>, _: EncryptionForm) -> Option<KeySource> {
    ctx.map(field, &[]).map(|_| KeySource::NodeId)
}

fn kms(ctx: &mut Context<'_>, field: Field<'_>, _: EncryptionForm) -> Option<KeySource> {
    let field = ctx.map(field, &["endpoint"])?;
    let Some(endpoint) = ctx.text_at(&field, "endpoint") else {
        ctx.missing(&field, "no KMS endpoint", "endpoint: a URL");
        return None;
    };
    Some(KeySource::Kms { endpoint })
}

fn tpm(ctx: &mut Context<'_>, field: Field<'_>, form: EncryptionForm) -> Option<KeySource> {
    let known = match form {
        EncryptionForm::Legacy => &["checkSecurebootStatusOnEnroll"][..],
        EncryptionForm::Document => &["checkSecurebootStatusOnEnroll", "options"][..],
    };
    let field = ctx.map(field, known)?;
    let mut pcrs = None;
    if let Some(options) = field
        .get("options")
        .and_then(|options| ctx.map(options, &["pcrs"]))
    {
        let items = options
            .get("pcrs")
            .map(|list| ctx.list(&list))
            .unwrap_or_default();
        let numbers = items.iter().filter_map(|pcr| ctx.number(pcr, 23));
        pcrs = Some(numbers.filter_map(|pcr| u8::try_from(pcr).ok()).collect());
    }
    Some(KeySource::Tpm {
        pcrs,
        check_secureboot: ctx.flag_at(&field, "checkSecurebootStatusOnEnroll"),
    })
}
