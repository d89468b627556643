//! Documents of registries and of the images from them. Pure.

use super::view::{Out, View};
use super::{text, urls};

/// Checks a document; nothing if it is none of these.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    let registry = matches!(
        kind,
        "RegistryAuthConfig" | "RegistryMirrorConfig" | "RegistryTLSConfig"
    );
    out.refuse_if(registry && name.is_zero(), &name, "a name is required");
    match kind {
        "RegistryAuthConfig" => {
            let has = |key: &str| !doc.get(key).is_zero();
            let ways = [has("username"), has("identityToken"), has("auth")];
            let several = ways.iter().filter(|it| **it).count() > 1;
            let message = "one of username, identityToken and auth";
            out.refuse_if(several, doc, message);
        }
        "RegistryMirrorConfig" => {
            for endpoint in doc.get("endpoints").items() {
                urls::plain(&endpoint.get("url"), &["http", "https"], true, out);
            }
        }
        "RegistryTLSConfig" => {
            let (ca, identity) = (doc.get("ca"), doc.get("clientIdentity"));
            let fits = ca.is_zero() || text::pem_blocks(ca.text()).contains(&"CERTIFICATE");
            out.refuse_if(!fits, &ca, "no certificate as PEM");
            certificate(&identity, out);
        }
        "ImageVerificationConfig" => {
            for rule in doc.get("rules").items() {
                verification(&rule, out);
            }
        }
        _ => {}
    }
}

/// A certificate and its key; nothing if there is none.
pub(super) fn certificate(pair: &View<'_>, out: &mut Out<'_>) {
    if !pair.is_set() {
        return;
    }
    let (certificate, key) = (pair.get("cert"), pair.get("key"));
    certificates(&certificate, out);
    let fits = !text::pem_blocks(key.text()).is_empty();
    out.refuse_if(!fits, &key, "no key as PEM");
}

/// Certificates and nothing else.
pub(super) fn certificates(view: &View<'_>, out: &mut Out<'_>) {
    let blocks = text::pem_blocks(view.text());
    let fits = !blocks.is_empty() && blocks.iter().all(|it| *it == "CERTIFICATE");
    out.refuse_if(!fits, view, "no certificate as PEM");
}

fn verification(rule: &View<'_>, out: &mut Out<'_>) {
    let image = rule.get("image");
    out.refuse_if(image.is_zero(), &image, "a pattern is required");
    let (skip, deny) = (rule.get("skip").is_true(), rule.get("deny").is_true());
    let (keyless, public) = (rule.get("keyless"), rule.get("publicKey"));
    let verified = keyless.is_set() || public.is_set();
    out.refuse_if(skip && deny, rule, "skip excludes deny");
    let idle = (skip || deny) && verified;
    out.refuse_if(idle, rule, "skip and deny exclude keyless and publicKey");
    let nothing = !skip && !deny && !verified;
    out.refuse_if(
        nothing,
        rule,
        "one of skip, deny, keyless and publicKey is required",
    );
    let both = keyless.is_set() && public.is_set();
    out.refuse_if(both, rule, "keyless excludes publicKey");
    if keyless.is_set() {
        let issuer = keyless.get("issuer");
        out.refuse_if(issuer.is_zero(), &issuer, "it is required");
        let subject = keyless.get("subject");
        let none = subject.is_zero() && keyless.get("subjectRegex").is_zero();
        out.refuse_if(none, &subject, "it or subjectRegex is required");
    }
    let certificate = public.get("certificate");
    let none = public.is_set() && certificate.is_zero();
    out.refuse_if(none, &certificate, "it is required");
}
