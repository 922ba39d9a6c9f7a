//! An admin says which number is whose, and may give the new owner what has waited for one.

use chrono::{DateTime, Utc};

use super::{Admin, AdminError};

/// A number that somebody claims or has.
#[derive(Clone, Debug)]
pub struct NumberOwner {
    /// E.164 or a short code.
    pub phone: String,
    /// Who claims or has it.
    pub user_id: String,
    /// Who runs it.
    pub provider: String,
    /// The user's name for it.
    pub label: Option<String>,
    /// When it was verified; None for a claim, by which nothing is routed.
    pub verified_at: Option<DateTime<Utc>>,
}

impl Admin {
    /// Every claimed or verified number.
    pub async fn numbers(&self) -> Result<Vec<NumberOwner>, AdminError> {
        let sql = "select phone, user_id, provider, label, verified_at
                   from public.user_phone_numbers order by phone, verified_at nulls last, user_id";
        let rows = self
            .client
            .query(sql, &[])
            .await
            .map_err(AdminError::at("listing numbers"))?;
        Ok(rows
            .iter()
            .map(|row| NumberOwner {
                phone: row.get(0),
                user_id: row.get(1),
                provider: row.get(2),
                label: row.get(3),
                verified_at: row.get(4),
            })
            .collect())
    }

    /// Makes a number a user's, verified. With `backfill` the unrouted events that came in on it before are theirs as
    /// well, to be processed; how many.
    pub async fn assign_number(
        &mut self,
        phone: &str,
        user: &str,
        provider: &str,
        backfill: bool,
    ) -> Result<u64, AdminError> {
        let at = || AdminError::at("assigning the number");
        let tx = self.client.transaction().await.map_err(at())?;
        let known = "select 1 from public.users where id = $1";
        if tx.query_opt(known, &[&user]).await.map_err(at())?.is_none() {
            return Err(AdminError::NoSuchUser(user.to_owned()));
        }
        let other = "select user_id from public.user_phone_numbers
                     where phone = $1 and verified_at is not null and user_id <> $2";
        if let Some(row) = tx.query_opt(other, &[&phone, &user]).await.map_err(at())? {
            return Err(AdminError::NumberTaken(row.get(0)));
        }
        let assign = "insert into public.user_phone_numbers (user_id, phone, provider, verified_at)
                      values ($2, $1, $3, now())
                      on conflict (user_id, phone) do update
                      set verified_at = coalesce(user_phone_numbers.verified_at, now())";
        tx.execute(assign, &[&phone, &user, &provider])
            .await
            .map_err(at())?;
        let mut events = 0;
        if backfill {
            // What is about a call and names another tenant's number as well may be either's: its call will tell.
            let by_number = "update public.webhook_events e set user_id = $2, status = 'received'
                             where e.status = 'unrouted' and e.user_id is null and e.scope = 'platform'
                               and $1 = any (e.tenant_numbers)
                               and (coalesce(cardinality(e.calls), 0) = 0 or not exists (
                                 select from public.user_phone_numbers n
                                 where n.phone = any (e.tenant_numbers) and n.verified_at is not null and n.user_id <> $2
                               ))";
            events += tx.execute(by_number, &[&phone, &user]).await.map_err(at())?;
            // Recordings and legs name their call only.
            let by_call = "update public.webhook_events e set user_id = $1, status = 'received'
                           where e.status = 'unrouted' and e.user_id is null and e.scope = 'platform'
                             and exists (
                               select from public.webhook_events o
                               where o.call_id = any (e.calls) and o.source = e.source and o.user_id = $1
                                 and o.scope = 'platform'
                             )";
            events += tx.execute(by_call, &[&user]).await.map_err(at())?;
        }
        tx.commit().await.map_err(at())?;
        Ok(events)
    }

    /// Takes a number away from whoever has it verified, or from one user; false if there is none.
    pub async fn remove_number(&self, phone: &str, user: Option<&str>) -> Result<bool, AdminError> {
        let sql = "delete from public.user_phone_numbers
                   where phone = $1 and ($2::text is null and verified_at is not null or user_id = $2)";
        let removed = self
            .client
            .execute(sql, &[&phone, &user])
            .await
            .map_err(AdminError::at("removing the number"))?;
        Ok(removed > 0)
    }
}
