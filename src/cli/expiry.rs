//! The end of a plan, as it is asked for and as it is kept. The clock is asked here and nowhere else.

use crate::cli::error::Failure;
use crate::clock;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::plan::validity::{Expiry, ExpiryError, ValidityError};

/// The same plan with an end, if one is wanted.
///
/// # Errors
/// Exit 2 for an end that is over, 4 if the clock is not set.
pub fn expiring(mut plan: Plan, expiry: Option<Expiry>) -> Result<Plan, Failure> {
    let Some(expiry) = expiry else {
        return Ok(plan);
    };
    plan.valid = Some(expiry.validity(clock::now())?);
    Ok(plan.sealed())
}

/// Whether the plan may be applied now. `expired_ok` is the way out for a machine with a wrong clock.
///
/// # Errors
/// Exit 4 with the end of the plan and what the clock says.
pub fn in_time(plan: &Plan, expired_ok: bool) -> Result<(), Failure> {
    let Some(valid) = &plan.valid else {
        return Ok(());
    };
    match valid.check(clock::now()) {
        Err(error) if expired_ok => {
            tracing::warn!("{error}: applied all the same, as --expired-ok says");
            Ok(())
        }
        result => Ok(result?),
    }
}

impl From<ValidityError> for Failure {
    fn from(error: ValidityError) -> Self {
        let hint = match &error {
            ValidityError::Expired { .. } => {
                "run `keelblock plan` again; or, if it is this clock that is wrong, give --expired-ok"
            }
            ValidityError::Clock { .. } | ValidityError::Behind { .. } => {
                "set the clock, or give --expired-ok: disks and contents are checked all the same"
            }
        };
        Self::of(Exit::Refused, &error).hint(hint)
    }
}

impl From<ExpiryError> for Failure {
    fn from(error: ExpiryError) -> Self {
        let (exit, hint) = match &error {
            ExpiryError::Past { .. } => (Exit::Usage, "give a later --expires, or check the clock"),
            ExpiryError::Clock(_) => (
                Exit::Refused,
                "set the clock, or give --expires a date and time in UTC",
            ),
        };
        Self::of(exit, &error).hint(hint)
    }
}
