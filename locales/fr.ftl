# Français

product-name = Vestibule

## What all mails share

mail-when = Date : { $at }
mail-from = Depuis : { $from ->
    [unknown] une adresse réseau inconnue
   *[other] { $from }
}
mail-copy-link = Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :
mail-code-there = Ou saisissez ce code là où vous l’avez demandé, dans les 10 minutes :
mail-automatic = { product-name } a envoyé ce message automatiquement ; les réponses ne sont pas lues.

## Confirm the address of a sign-up

sign-up-subject = Confirmez votre adresse e-mail
sign-up-intro = Quelqu’un, vous-même sans doute, s’est inscrit avec cette adresse e-mail.
sign-up-link = Pour la confirmer, ouvrez ce lien dans les 24 heures :
sign-up-button = Confirmer cette adresse
sign-up-ignore = Si ce n’était pas vous, vous n’avez rien à faire : aucun compte n’existe tant que l’adresse n’est pas confirmée.

## Someone signed up with the address of an account

sign-up-taken-subject = Vous avez déjà un compte
sign-up-taken-intro = Quelqu’un, vous-même sans doute, a tenté de s’inscrire avec cette adresse e-mail.
sign-up-taken-next = Vous avez déjà un compte avec cette adresse ; aucun nouveau compte n’a donc été créé. Connectez-vous plutôt.
sign-up-taken-ignore = Si ce n’était pas vous, vous n’avez rien à faire : votre compte et votre mot de passe sont inchangés.

## Confirm the address of an account

verify-email-subject = Confirmez votre adresse e-mail
verify-email-intro = Quelqu’un, vous-même sans doute, s’est connecté au compte associé à cette adresse e-mail. L’adresse n’est pas encore confirmée.
verify-email-link = Pour la confirmer, ouvrez ce lien dans les 24 heures :
verify-email-button = Confirmer cette adresse
verify-email-ignore = Si ce n’était pas vous, quelqu’un connaît le mot de passe de ce compte : connectez-vous et changez-le.

## Choose a new password

reset-password-subject = Réinitialisez votre mot de passe
reset-password-intro = Quelqu’un, vous-même sans doute, a demandé la réinitialisation du mot de passe de votre compte.
reset-password-link = Pour choisir un nouveau mot de passe, ouvrez ce lien dans les 60 minutes :
reset-password-button = Choisir un nouveau mot de passe
reset-password-ignore = Si ce n’était pas vous, vous n’avez rien à faire : votre mot de passe reste le même. Ne communiquez ni le lien ni le code à personne.

## An invitation

invitation-subject = Vous avez reçu une invitation
invitation-intro = Un compte a été créé pour vous avec cette adresse e-mail.
invitation-link = Pour accepter, ouvrez ce lien dans les 7 jours et choisissez un mot de passe :
invitation-button = Accepter et choisir un mot de passe
invitation-ignore = Si vous ne vous y attendiez pas, ne faites rien : sans mot de passe, personne ne peut se connecter au compte.

## The password was reset

password-reset-subject = Votre mot de passe a été réinitialisé
password-reset-intro = Un nouveau mot de passe a été défini pour votre compte, et toutes ses sessions ont été fermées.
password-reset-ignore = Si ce n’était pas vous, quelqu’un peut lire vos e-mails : changez le mot de passe de votre messagerie, puis réinitialisez celui de ce compte.
reset-not-same = Ce n’est pas le mot de passe indiqué lors de la demande.

## The password was changed

change-password-subject = Votre mot de passe a été modifié
change-password-intro = Le mot de passe de votre compte a été modifié. Toutes les autres sessions du compte ont été fermées.
change-password-ignore = Si ce n’était pas vous, une autre personne contrôle peut-être votre compte : réinitialisez immédiatement votre mot de passe, ou demandez de l’aide aux responsables de ce service.

## Confirm a new address

change-email-subject = Confirmez votre nouvelle adresse e-mail
change-email-intro = Quelqu’un, vous-même sans doute, a demandé à utiliser désormais cette adresse e-mail pour un compte.
change-email-link = Pour la confirmer, ouvrez ce lien dans les 24 heures :
change-email-button = Confirmer la nouvelle adresse
change-email-ignore = Si ce n’était pas vous, vous n’avez rien à faire : sans votre confirmation, l’adresse ne sera pas utilisée.

## Someone asked for an address that an account has

change-email-taken-subject = Quelqu’un a demandé à utiliser votre adresse e-mail
change-email-taken-intro = Quelqu’un, vous-même sans doute, a demandé à utiliser cette adresse e-mail pour un autre compte.
change-email-taken-next = L’adresse appartient déjà à votre compte ; rien n’a donc été modifié.
change-email-taken-ignore = Si ce n’était pas vous, vous n’avez rien à faire : votre compte est inchangé.

## The address was changed; to the old one

email-changed-subject = Votre adresse e-mail a été modifiée
email-changed-intro = L’adresse e-mail de votre compte est désormais { $address }. La présente adresse n’est plus associée au compte.
email-changed-undo = Si ce n’était pas vous, annulez cette modification dans les 72 heures à l’aide de ce lien :
email-changed-button = Annuler la modification
email-changed-effect = L’adresse précédente sera rétablie, toutes les sessions du compte seront fermées et son mot de passe devra être réinitialisé.

## What all pages share

page-over-title = Ce lien n’est plus valable
page-closed-title = Les inscriptions sont fermées pour le moment
page-closed = Rien n’est perdu : votre lien reste valable jusqu’à son expiration. Réessayez plus tard ou adressez-vous aux responsables de ce service.
page-busy-title = Veuillez réessayer dans un instant
page-busy = Le service est très sollicité. Votre lien reste valable : revenez en arrière et réessayez.
page-done = Vous pouvez fermer cette page et revenir à l’application.

## /verify

verify-title = Confirmez votre adresse e-mail
verify-lead = Un clic, et vous pourrez vous connecter avec cette adresse.
verify-button = Confirmer cette adresse
verify-ignore = Vous n’avez rien demandé ? Fermez cette page : rien ne se passe sans ce clic.
verify-done-title = Votre adresse est confirmée
verify-done = Merci. Vous pouvez maintenant vous connecter.
verify-over = Il a déjà été utilisé, il date de plus de 24 heures, ou il est incomplet.
verify-over-next = Essayez de vous connecter : si cela fonctionne, l’adresse est confirmée. Sinon, revenez à l’application et inscrivez-vous à nouveau pour recevoir un nouveau lien.
handoff-title = Un autre appareil affiche-t-il un nombre ?
handoff-lead = Si vous vous êtes inscrit ou connecté sur un autre appareil et qu’il affiche un nombre, touchez le même nombre ici : cet appareil sera connecté. Vous avez un seul essai.
handoff-approved-title = Continuez sur votre autre appareil
handoff-approved = C’est le bon nombre : votre autre appareil sera connecté dans un instant.
handoff-refused-title = C’est un autre nombre
handoff-refused = Personne n’a été connecté, et plus aucun nombre ne peut être choisi.
handoff-refused-next = Vous pouvez encore confirmer l’adresse ici. Si aucun de vos appareils n’affiche de nombre, fermez cette page : quelqu’un d’autre a peut-être demandé ce message.

## /reset

reset-title = Choisissez un nouveau mot de passe
reset-lead = Il remplace votre mot de passe actuel, et toutes les sessions de votre compte seront fermées.
reset-label = Nouveau mot de passe
reset-hint = { $least ->
    [one] Au moins un caractère.
   *[other] Au moins { $least } caractères. Quelques mots à la suite sont faciles à retenir.
}
reset-button = Enregistrer le nouveau mot de passe
reset-unmet = Ce mot de passe ne peut pas être utilisé :
reset-ignore = Vous n’avez rien demandé ? Fermez cette page : votre mot de passe reste le même.
reset-done-title = Votre nouveau mot de passe est enregistré
reset-done = Toutes les sessions de votre compte ont été fermées. Connectez-vous avec le nouveau mot de passe.
reset-over = Il a déjà été utilisé, il date de plus de 60 minutes, ou il est incomplet.
reset-over-next = Revenez à l’application et demandez à nouveau la réinitialisation pour recevoir un nouveau lien.

## /invitation

invitation-page-title = Bienvenue : choisissez un mot de passe
invitation-page-lead = Il vous permettra de vous connecter au compte qui a été créé pour vous.
invitation-page-label = Mot de passe
invitation-page-button = Enregistrer le mot de passe
invitation-page-ignore = Vous ne vous y attendiez pas ? Fermez cette page : sans mot de passe, personne ne peut se connecter au compte.
invitation-page-done-title = Votre mot de passe est enregistré
invitation-page-done = Bienvenue. Votre adresse est confirmée, et vous pouvez maintenant vous connecter.
invitation-page-over = Il a déjà été utilisé, il date de plus de 7 jours, ou il est incomplet.
invitation-page-over-next = Si vous avez déjà choisi un mot de passe, essayez de vous connecter. Sinon, demandez une nouvelle invitation à la personne qui vous a invité.

## /confirm-email

confirm-email-title = Confirmez votre nouvelle adresse e-mail
confirm-email-lead = Un clic, et cette adresse remplace l’ancienne sur votre compte.
confirm-email-button = Utiliser cette adresse
confirm-email-ignore = Vous n’avez rien demandé ? Fermez cette page : rien ne se passe sans ce clic.
confirm-email-done-title = Votre nouvelle adresse est confirmée
confirm-email-done = Désormais, vous vous connectez avec la nouvelle adresse.
confirm-email-over = Il a déjà été utilisé, il date de plus de 24 heures, ou il est incomplet.
confirm-email-over-next = Connectez-vous et consultez votre compte : si la nouvelle adresse n’y figure pas, demandez à nouveau la modification pour recevoir un nouveau lien.

## /undo-email-change

undo-email-change-title = Annuler la modification de votre adresse e-mail
undo-email-change-lead = Votre compte retrouve son ancienne adresse, toutes les sessions sont fermées, et vous choisissez un nouveau mot de passe.
undo-email-change-button = Annuler la modification
undo-email-change-ignore = Avez-vous modifié l’adresse vous-même ? Fermez cette page : rien ne se passe sans ce clic.
undo-email-change-done-title = La modification est annulée
undo-email-change-done = Votre compte a retrouvé son ancienne adresse, et toutes les sessions ont été fermées. Nous avons envoyé à cette adresse un e-mail qui vous permettra de choisir un nouveau mot de passe.
undo-email-change-over = Il a déjà été utilisé, il date de plus de 72 heures, ou il est incomplet.
undo-email-change-over-next = Essayez de réinitialiser votre mot de passe avec votre ancienne adresse. Si cela ne fonctionne pas, demandez de l’aide aux responsables de ce service.

## The rules of a password policy

rule-min-length = { $least ->
    [one] Utilisez au moins { $least } caractère.
   *[other] Utilisez au moins { $least } caractères.
}
rule-max-length = { $most ->
    [one] Utilisez au plus { $most } caractère.
   *[other] Utilisez au plus { $most } caractères.
}
rule-character-classes = Utilisez trois de ces types : minuscules, majuscules, chiffres, autres caractères.
rule-lower-upper-digit = Utilisez des minuscules, des majuscules et des chiffres.
rule-repeats = Ne répétez pas un même caractère plusieurs fois de suite.
rule-common = Utilisez un mot de passe qui n’est pas parmi les plus courants.
rule-personal-data = N’utilisez ni votre nom, ni votre nom d’utilisateur, ni votre adresse e-mail.
rule-breached = Utilisez un mot de passe qui ne figure dans aucune fuite de données.
rule-history = { $count ->
    [one] Choisissez un mot de passe différent du dernier.
   *[other] Choisissez un mot de passe différent des { $count } derniers.
}
