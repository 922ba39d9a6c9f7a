//! Makes one report of those of several nodes: of a spread table's shards one relation.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{COORDINATOR, Cluster, Node, Placed};
use crate::functions::UNCALLED;
use crate::judge;
use crate::model::Model;
use crate::report::{Finding, FunctionReport, NodeReport, RelationReport, Report, Verdict};

/// What the nodes said so far.
pub(super) struct Merged<'c> {
    cluster: &'c Cluster,
    report: Report,
    relations: BTreeMap<String, RelationReport>,
    /// Functions that could be tried on some node.
    tried: BTreeSet<String>,
    away: BTreeSet<String>,
    /// Why nothing is known of a node, by its group.
    missed: BTreeMap<i32, String>,
    /// Shards that were attacked, by group.
    reached: BTreeSet<(i32, String)>,
}

impl<'c> Merged<'c> {
    /// Begins with what the coordinator said, by which the whole is known.
    pub(super) fn new(cluster: &'c Cluster, mut report: Report) -> Self {
        let (relations, functions) = (
            std::mem::take(&mut report.relations),
            std::mem::take(&mut report.functions),
        );
        let mut merged = Self {
            cluster,
            relations: BTreeMap::new(),
            tried: BTreeSet::new(),
            away: std::mem::take(&mut report.away).into_iter().collect(),
            missed: BTreeMap::new(),
            reached: BTreeSet::new(),
            report,
        };
        merged.take(COORDINATOR, relations, functions);
        merged
    }

    pub(super) fn add(&mut self, node: &Node, report: Report) {
        self.take(node.group, report.relations, report.functions);
        self.away.extend(report.away);
        let here = |why: &String| format!("on {node}: {why}");
        self.report.not_tested.extend(report.not_tested.iter().map(here));
        for note in &report.notes {
            if !self.report.notes.contains(note) {
                self.report.notes.push(here(note));
            }
        }
        for mut finding in report.findings {
            if !self
                .report
                .findings
                .iter()
                .any(|known| known.message == finding.message)
            {
                finding.message = here(&finding.message);
                finding.reproduce.on_node(node);
                self.report.findings.push(finding);
            }
        }
        let (all, controls) = (&mut self.report.controls, report.controls);
        all.planted += controls.planted;
        all.caught += controls.caught;
        all.missed.extend(controls.missed.iter().map(here));
        self.report.round_trips += report.round_trips;
    }

    /// Nothing is known of a node.
    pub(super) fn miss(&mut self, node: &Node, why: &str) {
        self.missed.insert(node.group, why.to_owned());
        let missed = format!("nothing was attacked on {node}: {why}");
        self.report.not_tested.push(missed);
    }

    fn take(&mut self, group: i32, relations: Vec<RelationReport>, functions: Vec<FunctionReport>) {
        for relation in relations {
            self.relation(group, relation);
        }
        for function in functions {
            self.function(group, function);
        }
    }

    fn relation(&mut self, group: i32, mut part: RelationReport) {
        let of_shard = |placed: &&Placed| placed.group == group && placed.shard == part.relation;
        if let Some(placed) = self.cluster.placed.iter().find(of_shard) {
            self.reached.insert((group, placed.shard.clone()));
            let place = format!("{} on {}", placed.shard, self.cluster.node(group));
            for finding in &mut part.findings {
                finding.message = finding.message.replace(&placed.shard, &placed.table);
            }
            part.relation.clone_from(&placed.table);
            part.shards.push(place);
        }
        let place = part.shards.first().cloned().or_else(|| self.elsewhere(group));
        if let Some(place) = &place {
            part.not_tested
                .iter_mut()
                .for_each(|why| *why = format!("{why} ({place})"));
            self.place(group, &mut part.findings, place);
        }
        let Some(all) = self.relations.get_mut(&part.relation) else {
            self.relations.insert(part.relation.clone(), part);
            return;
        };
        all.attempts += part.attempts;
        all.shards.extend(part.shards);
        all.not_tested.extend(part.not_tested);
        join(&mut all.findings, part.findings, place.as_deref());
    }

    fn function(&mut self, group: i32, mut part: FunctionReport) {
        if part.verdict != Verdict::NotTested {
            self.tried.insert(part.function.clone());
        }
        let place = self.elsewhere(group);
        if let Some(place) = &place {
            part.not_tested
                .iter_mut()
                .for_each(|why| *why = format!("{why} ({place})"));
            self.place(group, &mut part.findings, place);
        }
        let mut known = self.report.functions.iter_mut();
        let Some(all) = known.find(|known| known.function == part.function) else {
            self.report.functions.push(part);
            return;
        };
        all.attempts += part.attempts;
        all.not_tested.extend(part.not_tested);
        join(&mut all.findings, part.findings, place.as_deref());
    }

    /// Where something is that isn't the coordinator's.
    fn elsewhere(&self, group: i32) -> Option<String> {
        (group != COORDINATOR).then(|| format!("on {}", self.cluster.node(group)))
    }

    fn place(&self, group: i32, findings: &mut [Finding], place: &str) {
        let node = self.cluster.nodes.iter().find(|node| node.group == group);
        for finding in findings {
            finding.message = format!("{} ({place})", finding.message);
            if let Some(node) = node {
                finding.reproduce.on_node(node);
            }
        }
    }

    /// The whole report: what no node has is not tested.
    pub(super) fn conclude(mut self, model: &Model) -> Report {
        for placed in self
            .cluster
            .placed
            .iter()
            .filter(|placed| is_in_scope(model, &placed.table))
        {
            if self.reached.contains(&(placed.group, placed.shard.clone())) {
                continue;
            }
            let why = self
                .missed
                .get(&placed.group)
                .map_or("it isn't there", String::as_str);
            let node = self.cluster.node(placed.group);
            let missing = format!("{} on {node} was not attacked: {why}", placed.shard);
            let table = self.relations.entry(placed.table.clone());
            table
                .or_insert_with(|| unreached(&placed.table))
                .not_tested
                .push(missing);
        }
        for function in &mut self.report.functions {
            if self.tried.contains(&function.function) {
                // Elsewhere it lacks the rows that it is about.
                function.not_tested.retain(|why| !why.starts_with(UNCALLED));
            }
            function.verdict = judge::verdict(&function.findings, function.not_tested.is_empty());
        }
        let functions = self.report.functions.iter().map(|function| &function.function);
        let known: BTreeSet<&String> = self.relations.keys().chain(functions).collect();
        let nowhere = self.away.iter().filter(|name| !known.contains(name));
        let nowhere =
            nowhere.map(|name| format!("{name} is about rows of several nodes, and no node has them all"));
        self.report.not_tested.extend(nowhere.collect::<Vec<_>>());
        self.report.nodes = self.cluster.nodes.iter().map(|node| self.node(node)).collect();
        self.report.relations = self.relations.into_values().collect();
        self.report
    }

    fn node(&self, node: &Node) -> NodeReport {
        NodeReport {
            node: node.to_string(),
            shards: self
                .reached
                .iter()
                .filter(|(group, _)| *group == node.group)
                .count(),
            ..NodeReport::default()
        }
    }
}

fn is_in_scope(model: &Model, table: &str) -> bool {
    let schema = table.split_once('.').map_or("", |(schema, _)| schema);
    model.schemas.iter().any(|named| named == schema)
        || model.named_elsewhere().iter().any(|named| named == table)
}

/// Adds findings: one of each rule, which names the other places of a leak.
fn join(all: &mut Vec<Finding>, findings: Vec<Finding>, place: Option<&str>) {
    for finding in findings {
        match all.iter_mut().find(|known| known.rule == finding.rule) {
            Some(known) if finding.is_leak() => {
                known.message = format!("{}, and {}", known.message, place.unwrap_or("on the coordinator"));
            }
            Some(_) => {}
            None => all.push(finding),
        }
    }
    all.sort_by_key(|finding| finding.rule.severity);
}

fn unreached(table: &str) -> RelationReport {
    RelationReport {
        relation: table.to_owned(),
        kind: "table".to_owned(),
        verdict: Verdict::NotTested,
        class: "on no node that was reached".to_owned(),
        attempts: 0,
        findings: Vec::new(),
        not_tested: Vec::new(),
        shards: Vec::new(),
        place: None,
    }
}
