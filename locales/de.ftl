# Deutsch

product-name = Vestibule

## What all mails share

mail-when = Zeitpunkt: { $at }
mail-from = Von: { $from ->
    [unknown] einer unbekannten Netzadresse
   *[other] { $from }
}
mail-copy-link = Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:
mail-code-there = Oder geben Sie diesen Code innerhalb von 10 Minuten dort ein, wo Sie ihn angefordert haben:
mail-automatic = Diese Nachricht wurde automatisch von { product-name } verschickt; Antworten werden nicht gelesen.

## Confirm the address of a sign-up

sign-up-subject = Bestätigen Sie Ihre E-Mail-Adresse
sign-up-intro = Jemand, hoffentlich Sie selbst, hat sich mit dieser E-Mail-Adresse registriert.
sign-up-link = Um sie zu bestätigen, öffnen Sie innerhalb von 24 Stunden diesen Link:
sign-up-button = Adresse bestätigen
sign-up-ignore = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Solange die Adresse nicht bestätigt ist, gibt es kein Konto.

## Someone signed up with the address of an account

sign-up-taken-subject = Sie haben bereits ein Konto
sign-up-taken-intro = Jemand, hoffentlich Sie selbst, wollte sich mit dieser E-Mail-Adresse registrieren.
sign-up-taken-next = Mit dieser Adresse haben Sie bereits ein Konto; deshalb wurde kein neues angelegt. Melden Sie sich stattdessen an.
sign-up-taken-ignore = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Konto und Ihr Passwort sind unverändert.

## Confirm the address of an account

verify-email-subject = Bestätigen Sie Ihre E-Mail-Adresse
verify-email-intro = Jemand, hoffentlich Sie selbst, hat sich bei dem Konto mit dieser E-Mail-Adresse angemeldet. Die Adresse ist noch nicht bestätigt.
verify-email-link = Um sie zu bestätigen, öffnen Sie innerhalb von 24 Stunden diesen Link:
verify-email-button = Adresse bestätigen
verify-email-ignore = Wenn Sie das nicht waren, kennt jemand das Passwort dieses Kontos: Melden Sie sich an und ändern Sie es.

## Choose a new password

reset-password-subject = Setzen Sie Ihr Passwort zurück
reset-password-intro = Jemand, hoffentlich Sie selbst, möchte das Passwort Ihres Kontos zurücksetzen.
reset-password-link = Um ein neues Passwort zu wählen, öffnen Sie innerhalb von 60 Minuten diesen Link:
reset-password-button = Neues Passwort wählen
reset-password-ignore = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist. Geben Sie weder den Link noch den Code an andere weiter.

## An invitation

invitation-subject = Sie wurden eingeladen
invitation-intro = Für Sie wurde ein Konto mit dieser E-Mail-Adresse angelegt.
invitation-link = Um anzunehmen, öffnen Sie innerhalb von 7 Tagen diesen Link und wählen Sie ein Passwort:
invitation-button = Annehmen und Passwort wählen
invitation-ignore = Wenn Sie damit nicht gerechnet haben, tun Sie nichts: Ohne Passwort kann sich niemand bei dem Konto anmelden.

## The password was reset

password-reset-subject = Ihr Passwort wurde zurückgesetzt
password-reset-intro = Für Ihr Konto wurde ein neues Passwort gesetzt, und alle Sitzungen des Kontos wurden beendet.
password-reset-ignore = Wenn Sie das nicht waren, kann jemand Ihre E-Mails lesen: Ändern Sie das Passwort Ihres Postfachs und setzen Sie danach das Passwort dieses Kontos zurück.
reset-not-same = Das ist nicht das Passwort, das beim Anfordern angegeben wurde.

## The password was changed

change-password-subject = Ihr Passwort wurde geändert
change-password-intro = Das Passwort Ihres Kontos wurde geändert. Alle anderen Sitzungen des Kontos wurden beendet.
change-password-ignore = Wenn Sie das nicht waren, hat möglicherweise jemand anderes die Kontrolle über Ihr Konto: Setzen Sie Ihr Passwort sofort zurück oder wenden Sie sich an die Betreiber dieses Dienstes.

## Confirm a new address

change-email-subject = Bestätigen Sie Ihre neue E-Mail-Adresse
change-email-intro = Jemand, hoffentlich Sie selbst, möchte diese E-Mail-Adresse künftig für ein Konto verwenden.
change-email-link = Um sie zu bestätigen, öffnen Sie innerhalb von 24 Stunden diesen Link:
change-email-button = Neue Adresse bestätigen
change-email-ignore = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ohne Ihre Bestätigung wird die Adresse nicht verwendet.

## Someone asked for an address that an account has

change-email-taken-subject = Jemand wollte Ihre E-Mail-Adresse verwenden
change-email-taken-intro = Jemand, hoffentlich Sie selbst, wollte diese E-Mail-Adresse für ein anderes Konto verwenden.
change-email-taken-next = Die Adresse gehört bereits zu Ihrem Konto; deshalb wurde nichts geändert.
change-email-taken-ignore = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Konto ist unverändert.

## The address was changed; to the old one

email-changed-subject = Ihre E-Mail-Adresse wurde geändert
email-changed-intro = Die E-Mail-Adresse Ihres Kontos lautet jetzt { $address }. Diese Adresse hier gehört nicht mehr zum Konto.
email-changed-undo = Wenn Sie das nicht waren, machen Sie die Änderung innerhalb von 72 Stunden mit diesem Link rückgängig:
email-changed-button = Änderung rückgängig machen
email-changed-effect = Damit gilt wieder diese Adresse, alle Sitzungen des Kontos werden beendet, und sein Passwort wird zurückgesetzt.

## What all pages share

page-over-title = Dieser Link ist nicht mehr gültig
page-closed-title = Die Registrierung ist derzeit geschlossen
page-closed = Nichts ist verloren: Ihr Link bleibt gültig, bis er abläuft. Versuchen Sie es später noch einmal, oder fragen Sie die Betreiber dieses Dienstes.
page-busy-title = Bitte versuchen Sie es gleich noch einmal
page-busy = Der Dienst ist gerade ausgelastet. Ihr Link bleibt gültig: Gehen Sie zurück und versuchen Sie es erneut.
page-done = Sie können diese Seite schließen und zur Anwendung zurückkehren.

## /verify

verify-title = E-Mail-Adresse bestätigen
verify-lead = Ein Klick, und Sie können sich mit dieser Adresse anmelden.
verify-button = Adresse bestätigen
verify-ignore = Sie haben das nicht angefordert? Schließen Sie die Seite: Ohne den Klick geschieht nichts.
verify-done-title = Ihre Adresse ist bestätigt
verify-done = Vielen Dank. Sie können sich jetzt anmelden.
verify-over = Er wurde bereits verwendet, ist älter als 24 Stunden oder unvollständig.
verify-over-next = Versuchen Sie, sich anzumelden: Gelingt das, ist die Adresse bestätigt. Andernfalls kehren Sie zur Anwendung zurück und registrieren Sie sich erneut, um einen neuen Link zu erhalten.
handoff-title = Zeigt ein anderes Gerät eine Zahl an?
handoff-lead = Wenn Sie sich auf einem anderen Gerät registriert oder angemeldet haben und es eine Zahl anzeigt, tippen Sie hier dieselbe Zahl an: Dann wird jenes Gerät angemeldet. Sie haben einen Versuch.
handoff-approved-title = Weiter auf dem anderen Gerät
handoff-approved = Das ist die richtige Zahl: Ihr anderes Gerät wird gleich angemeldet.
handoff-refused-title = Das ist eine andere Zahl
handoff-refused = Niemand wurde angemeldet, und es kann keine Zahl mehr gewählt werden.
handoff-refused-next = Sie können die Adresse noch hier bestätigen. Wenn keines Ihrer Geräte eine Zahl anzeigt, schließen Sie die Seite: Vielleicht hat jemand anders diese Nachricht angefordert.

## /reset

reset-title = Neues Passwort wählen
reset-lead = Es ersetzt Ihr bisheriges Passwort, und alle Sitzungen Ihres Kontos werden beendet.
reset-label = Neues Passwort
reset-hint = { $least ->
    [one] Mindestens ein Zeichen.
   *[other] Mindestens { $least } Zeichen. Mehrere Wörter hintereinander lassen sich leicht merken.
}
reset-button = Neues Passwort speichern
reset-unmet = Dieses Passwort kann nicht verwendet werden:
reset-ignore = Sie haben das nicht angefordert? Schließen Sie die Seite: Ihr Passwort bleibt, wie es ist.
reset-done-title = Ihr neues Passwort ist gespeichert
reset-done = Alle Sitzungen Ihres Kontos wurden beendet. Melden Sie sich mit dem neuen Passwort an.
reset-over = Er wurde bereits verwendet, ist älter als 60 Minuten oder unvollständig.
reset-over-next = Kehren Sie zur Anwendung zurück und fordern Sie das Zurücksetzen erneut an, um einen neuen Link zu erhalten.

## /invitation

invitation-page-title = Willkommen: Wählen Sie ein Passwort
invitation-page-lead = Damit melden Sie sich bei dem Konto an, das für Sie angelegt wurde.
invitation-page-label = Passwort
invitation-page-button = Passwort speichern
invitation-page-ignore = Sie haben damit nicht gerechnet? Schließen Sie die Seite: Ohne Passwort kann sich niemand bei dem Konto anmelden.
invitation-page-done-title = Ihr Passwort ist gespeichert
invitation-page-done = Willkommen. Ihre Adresse ist bestätigt, und Sie können sich jetzt anmelden.
invitation-page-over = Er wurde bereits verwendet, ist älter als 7 Tage oder unvollständig.
invitation-page-over-next = Wenn Sie schon ein Passwort gewählt haben, versuchen Sie, sich anzumelden. Bitten Sie andernfalls um eine neue Einladung.

## /confirm-email

confirm-email-title = Neue E-Mail-Adresse bestätigen
confirm-email-lead = Ein Klick, und diese Adresse ersetzt die bisherige Ihres Kontos.
confirm-email-button = Diese Adresse verwenden
confirm-email-ignore = Sie haben das nicht angefordert? Schließen Sie die Seite: Ohne den Klick geschieht nichts.
confirm-email-done-title = Ihre neue Adresse ist bestätigt
confirm-email-done = Ab jetzt melden Sie sich mit der neuen Adresse an.
confirm-email-over = Er wurde bereits verwendet, ist älter als 24 Stunden oder unvollständig.
confirm-email-over-next = Melden Sie sich an und sehen Sie in Ihrem Konto nach: Steht dort noch nicht die neue Adresse, fordern Sie die Änderung erneut an, um einen neuen Link zu erhalten.

## /undo-email-change

undo-email-change-title = Änderung Ihrer E-Mail-Adresse rückgängig machen
undo-email-change-lead = Ihr Konto erhält seine frühere Adresse zurück, alle Sitzungen werden beendet, und Sie wählen ein neues Passwort.
undo-email-change-button = Änderung rückgängig machen
undo-email-change-ignore = Haben Sie die Adresse selbst geändert? Schließen Sie die Seite: Ohne den Klick geschieht nichts.
undo-email-change-done-title = Die Änderung ist rückgängig gemacht
undo-email-change-done = Ihr Konto hat wieder seine frühere Adresse, und alle Sitzungen wurden beendet. Wir haben an diese Adresse eine E-Mail geschickt, mit der Sie ein neues Passwort wählen.
undo-email-change-over = Er wurde bereits verwendet, ist älter als 72 Stunden oder unvollständig.
undo-email-change-over-next = Versuchen Sie, Ihr Passwort mit Ihrer früheren Adresse zurückzusetzen. Gelingt das nicht, wenden Sie sich an die Betreiber dieses Dienstes.

## The rules of a password policy

rule-min-length = { $least ->
    [one] Verwenden Sie mindestens ein Zeichen.
   *[other] Verwenden Sie mindestens { $least } Zeichen.
}
rule-max-length = { $most ->
    [one] Verwenden Sie höchstens ein Zeichen.
   *[other] Verwenden Sie höchstens { $most } Zeichen.
}
rule-character-classes = Verwenden Sie drei dieser Arten: Kleinbuchstaben, Großbuchstaben, Ziffern, andere Zeichen.
rule-lower-upper-digit = Verwenden Sie Kleinbuchstaben, Großbuchstaben und Ziffern.
rule-repeats = Wiederholen Sie ein Zeichen nicht mehrmals hintereinander.
rule-common = Verwenden Sie ein Passwort, das nicht zu den häufigsten gehört.
rule-personal-data = Verwenden Sie weder Ihren Namen noch Ihren Benutzernamen noch Ihre E-Mail-Adresse.
rule-breached = Verwenden Sie ein Passwort, das nicht aus einem Datenleck bekannt ist.
rule-history = { $count ->
    [one] Wählen Sie ein anderes Passwort als Ihr letztes.
   *[other] Wählen Sie ein anderes Passwort als Ihre letzten { $count }.
}
