//! How often this worker may call, where the core limits it (protocol, section 5). Knows no clock and no call.

use std::time::{Duration, Instant};

/// So many calls a second, and after a pause those of one second at once: the core counts in the same way.
#[derive(Clone, Debug)]
pub struct Pace {
    rate: f64,
    tokens: f64,
    at: Option<Instant>,
}

impl Pace {
    pub fn new(rate: f64) -> Self {
        Self { rate, tokens: rate.max(1.0), at: None }
    }

    /// Take one call. If none may be made yet nothing is taken: the answer is how long it takes until one may.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(at) = self.at.replace(now) {
            let gained = now.saturating_duration_since(at).as_secs_f64() * self.rate;
            self.tokens = (self.tokens + gained).min(self.rate.max(1.0));
        }
        if self.tokens < 1.0 {
            let pause = Duration::try_from_secs_f64((1.0 - self.tokens) / self.rate);
            return Err(pause.unwrap_or(Duration::MAX));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_second_go_at_once_and_then_one_in_its_time() {
        let (mut pace, now) = (Pace::new(2.0), Instant::now());
        assert_eq!([pace.take(now), pace.take(now)], [Ok(()), Ok(())]);
        assert_eq!(pace.take(now), Err(Duration::from_millis(500)));
        assert_eq!(pace.take(now + Duration::from_millis(500)), Ok(()));
    }
}
