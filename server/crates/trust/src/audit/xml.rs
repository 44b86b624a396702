use super::event::{Event, Kind, Line, Outcome};
use super::verify::{Checked, FILE, each};
use crate::TrustError;
use std::io::{Read, Write};

/// A code of DICOM PS3.16, context group 400 (audit event ids) or 401 (their types).
type Code = (u32, &'static str);

/// Writes the trail as audit messages in the shape of DICOM PS3.15 A.5, one `AuditMessage` an event, within
/// one element that holds them together; checks the chain on the way.
///
/// # Errors
/// As [`super::verify`], or `out` cannot be written.
pub fn export(trail: impl Read, source: &str, out: &mut impl Write) -> Result<Checked, TrustError> {
    let failed = |e: std::io::Error| TrustError::File(FILE, e.kind());
    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AuditMessages>\n").map_err(failed)?;
    let checked = each(trail, |line| out.write_all(message(line, source).as_bytes()).map_err(failed))?;
    out.write_all(b"</AuditMessages>\n").map_err(failed)?;
    Ok(checked)
}

/// Event id, event type if there is one, and action (Create, Read, Update, Delete, Execute).
fn codes(event: &Event) -> (Code, Option<Code>, char) {
    let accessed = (110_103, "DICOM Instances Accessed");
    match event.kind {
        Kind::Start => ((110_100, "Application Activity"), Some((110_120, "Application Start")), 'E'),
        Kind::Stop => ((110_100, "Application Activity"), Some((110_121, "Application Stop")), 'E'),
        Kind::LogIn => ((110_114, "User Authentication"), Some((110_122, "Login")), 'E'),
        Kind::Import => ((110_107, "Import"), None, 'C'),
        Kind::View => (accessed, None, 'R'),
        Kind::Change => (accessed, None, 'U'),
        Kind::Delete => (accessed, None, 'D'),
        Kind::Export => ((110_106, "Export"), None, 'R'),
        Kind::Refused => ((110_113, "Security Alert"), Some((110_132, "Use of Restricted Function")), 'E'),
    }
}

/// A line of the trail, without its end, as a message; and when it happened. `None`: it is not as it was written.
#[must_use]
pub fn message_of(text: &str, source: &str) -> Option<(String, String)> {
    let (line, _) = Line::unseal(text)?;
    Some((message(&line, source), line.time))
}

fn message(line: &Line, source: &str) -> String {
    let event = &line.event;
    let (id, kind, action) = codes(event);
    let outcome = if event.outcome == Outcome::Done { 0 } else { 4 };
    let kind = kind.map_or_else(String::new, |kind| coded("EventTypeCode", kind));
    let why = if event.detail.is_empty() {
        String::new()
    } else {
        format!("    <EventOutcomeDescription>{}</EventOutcomeDescription>\n", escaped(&event.detail))
    };
    let mut text = format!(
        "<AuditMessage>\n  <EventIdentification EventActionCode=\"{action}\" EventDateTime=\"{}\" EventOutcomeIndicator=\"{outcome}\">\n{}{kind}{why}  </EventIdentification>\n",
        escaped(&line.time),
        coded("EventID", id),
    );
    if !(event.user.is_empty() && event.peer.is_empty()) {
        let user = if event.user.is_empty() { "unknown" } else { &event.user };
        let point = if event.peer.is_empty() {
            String::new()
        } else {
            format!(" NetworkAccessPointID=\"{}\" NetworkAccessPointTypeCode=\"2\"", escaped(&event.peer))
        };
        let role = if event.role.is_empty() {
            String::new()
        } else {
            format!(
                "    <RoleIDCode csd-code=\"{0}\" codeSystemName=\"isochrone\" originalText=\"{0}\"/>\n",
                escaped(&event.role)
            )
        };
        text += &format!(
            "  <ActiveParticipant UserID=\"{}\" UserIsRequestor=\"true\"{point}>\n{role}  </ActiveParticipant>\n",
            escaped(user)
        );
    }
    text += &format!(
        "  <ActiveParticipant UserID=\"{0}\" UserIsRequestor=\"false\">\n{1}  </ActiveParticipant>\n  <AuditSourceIdentification AuditSourceID=\"{0}\"/>\n",
        escaped(source),
        coded("RoleIDCode", (110_150, "Application")),
    );
    for object in &event.objects {
        text += &format!(
            "  <ParticipantObjectIdentification ParticipantObjectID=\"{}\" ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"3\">\n    <ParticipantObjectIDTypeCode csd-code=\"12\" codeSystemName=\"RFC-3881\" originalText=\"URI\"/>\n    <ParticipantObjectName>{}</ParticipantObjectName>\n  </ParticipantObjectIdentification>\n",
            escaped(object),
            escaped(&event.method),
        );
    }
    text + "</AuditMessage>\n"
}

fn coded(element: &str, (code, meaning): Code) -> String {
    format!("    <{element} csd-code=\"{code}\" codeSystemName=\"DCM\" originalText=\"{meaning}\"/>\n")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
