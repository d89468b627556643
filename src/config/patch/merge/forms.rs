//! Texts and numbers that have a form, each of which merges by a rule of its own. Pure.

use serde_json::Value;

use super::{How, Merged};
use crate::config::patch::error::MergeError;
use crate::config::schema::{Form, url::Url};

/// What comes of a text or number of this form.
pub(super) fn merge(
    form: Form,
    left: Option<Value>,
    right: Option<&Value>,
    how: How,
) -> Merged<Option<Value>> {
    let text = |value: Option<&Value>| {
        let found = value.and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (old, new) = (text(left.as_ref()), text(right));
    match form {
        Form::Address { merges: true }
        | Form::Prefix { merges: true }
        | Form::AddressPort { merges: true } => {
            Ok(if new.is_empty() { left } else { right.cloned() })
        }
        Form::Expression | Form::ByteSize => Ok(right.cloned()),
        Form::Size => {
            let keeps =
                new.is_empty() || (new.contains('%') && !old.is_empty() && !old.contains('%'));
            Ok(if keeps { left } else { right.cloned() })
        }
        Form::Url | Form::Endpoint => match (Url::parse(&old), Url::parse(&new)) {
            _ if new.is_empty() => Ok(left),
            _ if old.is_empty() => Ok(right.cloned()),
            (Some(old), Some(new)) => {
                let merged = old.merged(new).ok_or(MergeError::Fixed)?;
                Ok(Some(Value::String(merged.to_string())))
            }
            _ => Err(MergeError::Fixed),
        },
        Form::DiskSize => {
            let zero = right.and_then(Value::as_u64).unwrap_or(0) == 0;
            Ok(if zero && !how.zero_counts {
                left
            } else {
                right.cloned()
            })
        }
        Form::Hardware
        | Form::Base64
        | Form::ArgValue
        | Form::CertificateAndKey
        | Form::Certificate
        | Form::Key => Ok(right.cloned().or(left)),
        Form::Address { .. }
        | Form::Prefix { .. }
        | Form::AddressPort { .. }
        | Form::PortRange
        | Form::SizeMatcher => Err(MergeError::Fixed),
    }
}
