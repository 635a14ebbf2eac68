# Español

product-name = Vestibule

## What all mails share

mail-when = Fecha: { $at }
mail-from = Desde: { $from ->
    [unknown] una dirección de red desconocida
   *[other] { $from }
}
mail-copy-link = Si el botón no funciona, copie esta dirección en su navegador:
mail-code-there = O introduzca este código donde lo solicitó, en un plazo de 10 minutos:
mail-automatic = { product-name } ha enviado este mensaje automáticamente; las respuestas no se leen.

## Confirm the address of a sign-up

sign-up-subject = Confirme su dirección de correo electrónico
sign-up-intro = Alguien, esperamos que usted, se ha registrado con esta dirección de correo electrónico.
sign-up-link = Para confirmarla, abra este enlace en un plazo de 24 horas:
sign-up-button = Confirmar esta dirección
sign-up-ignore = Si no ha sido usted, no tiene que hacer nada: no existe ninguna cuenta hasta que se confirme la dirección.

## Someone signed up with the address of an account

sign-up-taken-subject = Ya tiene una cuenta
sign-up-taken-intro = Alguien, esperamos que usted, ha intentado registrarse con esta dirección de correo electrónico.
sign-up-taken-next = Ya tiene una cuenta con esta dirección, por lo que no se ha creado otra. Inicie sesión en su lugar.
sign-up-taken-ignore = Si no ha sido usted, no tiene que hacer nada: su cuenta y su contraseña no han cambiado.

## Confirm the address of an account

verify-email-subject = Confirme su dirección de correo electrónico
verify-email-intro = Alguien, esperamos que usted, ha iniciado sesión en la cuenta de esta dirección de correo electrónico. La dirección aún no está confirmada.
verify-email-link = Para confirmarla, abra este enlace en un plazo de 24 horas:
verify-email-button = Confirmar esta dirección
verify-email-ignore = Si no ha sido usted, alguien conoce la contraseña de esta cuenta: inicie sesión y cámbiela.

## Choose a new password

reset-password-subject = Restablezca su contraseña
reset-password-intro = Alguien, esperamos que usted, ha solicitado restablecer la contraseña de su cuenta.
reset-password-link = Para elegir una contraseña nueva, abra este enlace en un plazo de 60 minutos:
reset-password-button = Elegir una contraseña nueva
reset-password-ignore = Si no ha sido usted, no tiene que hacer nada: su contraseña sigue siendo la misma. No facilite a nadie ni el enlace ni el código.

## An invitation

invitation-subject = Ha recibido una invitación
invitation-intro = Se ha creado una cuenta para usted con esta dirección de correo.
invitation-link = Para aceptar, abra este enlace en un plazo de 7 días y elija una contraseña:
invitation-button = Aceptar y elegir una contraseña
invitation-ignore = Si no lo esperaba, no haga nada: sin contraseña nadie puede iniciar sesión en la cuenta.

## The password was reset

password-reset-subject = Se ha restablecido su contraseña
password-reset-intro = Se ha establecido una contraseña nueva para su cuenta y se han cerrado todas sus sesiones.
password-reset-ignore = Si no ha sido usted, alguien puede leer su correo: cambie la contraseña de su buzón y después restablezca la de esta cuenta.
reset-not-same = No es la contraseña indicada al solicitar el cambio.

## The password was changed

change-password-subject = Se ha cambiado su contraseña
change-password-intro = Se ha cambiado la contraseña de su cuenta. Se han cerrado todas las demás sesiones de la cuenta.
change-password-ignore = Si no ha sido usted, es posible que otra persona controle su cuenta: restablezca su contraseña de inmediato o pida ayuda a los responsables de este servicio.

## Confirm a new address

change-email-subject = Confirme su nueva dirección de correo electrónico
change-email-intro = Alguien, esperamos que usted, ha solicitado usar en adelante esta dirección de correo electrónico para una cuenta.
change-email-link = Para confirmarla, abra este enlace en un plazo de 24 horas:
change-email-button = Confirmar la nueva dirección
change-email-ignore = Si no ha sido usted, no tiene que hacer nada: sin su confirmación, la dirección no se usará.

## Someone asked for an address that an account has

change-email-taken-subject = Alguien ha solicitado usar su dirección de correo electrónico
change-email-taken-intro = Alguien, esperamos que usted, ha solicitado usar esta dirección de correo electrónico para otra cuenta.
change-email-taken-next = La dirección ya pertenece a su cuenta, por lo que no se ha cambiado nada.
change-email-taken-ignore = Si no ha sido usted, no tiene que hacer nada: su cuenta no ha cambiado.

## The address was changed; to the old one

email-changed-subject = Se ha cambiado su dirección de correo electrónico
email-changed-intro = La dirección de correo electrónico de su cuenta es ahora { $address }. Esta dirección ya no pertenece a la cuenta.
email-changed-undo = Si no ha sido usted, deshaga el cambio en un plazo de 72 horas con este enlace:
email-changed-button = Deshacer el cambio
email-changed-effect = Así se recupera esta dirección, se cierran todas las sesiones de la cuenta y se inicia el restablecimiento de su contraseña.

## What all pages share

page-over-title = Este enlace ya no funciona
page-closed-title = El registro está cerrado por el momento
page-closed = No se ha perdido nada: su enlace sigue siendo válido hasta que caduque. Vuelva a intentarlo más tarde o pregunte a los responsables de este servicio.
page-busy-title = Vuelva a intentarlo en un momento
page-busy = El servicio está ocupado. Su enlace sigue siendo válido: vuelva atrás e inténtelo de nuevo.
page-done = Puede cerrar esta página y volver a la aplicación.

## /verify

verify-title = Confirme su dirección de correo electrónico
verify-lead = Un clic y podrá iniciar sesión con esta dirección.
verify-button = Confirmar esta dirección
verify-ignore = ¿No lo ha solicitado usted? Cierre la página: sin el clic no ocurre nada.
verify-done-title = Su dirección está confirmada
verify-done = Gracias. Ya puede iniciar sesión.
verify-over = Ya se ha usado, tiene más de 24 horas o está incompleto.
verify-over-next = Intente iniciar sesión: si lo consigue, la dirección está confirmada. Si no, vuelva a la aplicación y regístrese de nuevo para recibir otro enlace.
handoff-title = ¿Muestra otro dispositivo un número?
handoff-lead = Si se ha registrado o ha iniciado sesión en otro dispositivo y este muestra un número, toque aquí el mismo número: se iniciará la sesión en ese dispositivo. Tiene un solo intento.
handoff-approved-title = Continúe en su otro dispositivo
handoff-approved = Es el número correcto: en un momento se iniciará la sesión en su otro dispositivo.
handoff-refused-title = Ese es otro número
handoff-refused = No se ha iniciado ninguna sesión y ya no se puede elegir ningún número.
handoff-refused-next = Aún puede confirmar la dirección aquí. Si ninguno de sus dispositivos muestra un número, cierre la página: quizá otra persona haya solicitado este mensaje.

## /reset

reset-title = Elija una contraseña nueva
reset-lead = Sustituye a su contraseña anterior, y se cerrarán todas las sesiones de su cuenta.
reset-label = Contraseña nueva
reset-hint = { $least ->
    [one] Al menos un carácter.
   *[other] Al menos { $least } caracteres. Varias palabras seguidas son fáciles de recordar.
}
reset-button = Guardar la contraseña nueva
reset-unmet = Esta contraseña no se puede usar:
reset-ignore = ¿No lo ha solicitado usted? Cierre la página: su contraseña sigue siendo la misma.
reset-done-title = Su contraseña nueva está guardada
reset-done = Se han cerrado todas las sesiones de su cuenta. Inicie sesión con la contraseña nueva.
reset-over = Ya se ha usado, tiene más de 60 minutos o está incompleto.
reset-over-next = Vuelva a la aplicación y solicite de nuevo el restablecimiento para recibir otro enlace.

## /invitation

invitation-page-title = Le damos la bienvenida: elija una contraseña
invitation-page-lead = Con ella iniciará sesión en la cuenta que se ha creado para usted.
invitation-page-label = Contraseña
invitation-page-button = Guardar la contraseña
invitation-page-ignore = ¿No lo esperaba? Cierre la página: sin contraseña nadie puede iniciar sesión en la cuenta.
invitation-page-done-title = Su contraseña está guardada
invitation-page-done = Le damos la bienvenida. Su dirección está confirmada y ya puede iniciar sesión.
invitation-page-over = Ya se ha usado, tiene más de 7 días o está incompleto.
invitation-page-over-next = Si ya eligió una contraseña, intente iniciar sesión. Si no, pida otra invitación a quien le invitó.

## /confirm-email

confirm-email-title = Confirme su nueva dirección de correo electrónico
confirm-email-lead = Un clic y esta dirección sustituirá a la anterior de su cuenta.
confirm-email-button = Usar esta dirección
confirm-email-ignore = ¿No lo ha solicitado usted? Cierre la página: sin el clic no ocurre nada.
confirm-email-done-title = Su nueva dirección está confirmada
confirm-email-done = A partir de ahora, inicie sesión con la nueva dirección.
confirm-email-over = Ya se ha usado, tiene más de 24 horas o está incompleto.
confirm-email-over-next = Inicie sesión y consulte su cuenta: si la dirección no es la nueva, solicite de nuevo el cambio para recibir otro enlace.

## /undo-email-change

undo-email-change-title = Deshacer el cambio de su dirección de correo electrónico
undo-email-change-lead = Su cuenta recupera la dirección anterior, se cierran todas las sesiones y usted elige una contraseña nueva.
undo-email-change-button = Deshacer el cambio
undo-email-change-ignore = ¿Ha cambiado usted la dirección? Cierre la página: sin el clic no ocurre nada.
undo-email-change-done-title = El cambio se ha deshecho
undo-email-change-done = Su cuenta vuelve a tener la dirección anterior y se han cerrado todas las sesiones. Hemos enviado a esa dirección un correo con el que podrá elegir una contraseña nueva.
undo-email-change-over = Ya se ha usado, tiene más de 72 horas o está incompleto.
undo-email-change-over-next = Intente restablecer su contraseña con la dirección anterior. Si no lo consigue, pida ayuda a los responsables de este servicio.

## The rules of a password policy

rule-min-length = { $least ->
    [one] Use al menos un carácter.
   *[other] Use al menos { $least } caracteres.
}
rule-max-length = { $most ->
    [one] Use como máximo un carácter.
   *[other] Use como máximo { $most } caracteres.
}
rule-character-classes = Use tres de estos tipos: minúsculas, mayúsculas, cifras, otros caracteres.
rule-lower-upper-digit = Use minúsculas, mayúsculas y cifras.
rule-repeats = No repita un mismo carácter varias veces seguidas.
rule-common = Use una contraseña que no esté entre las más comunes.
rule-personal-data = No incluya su nombre, su nombre de usuario ni su dirección de correo electrónico.
rule-breached = Use una contraseña que no aparezca en ninguna filtración de datos.
rule-history = { $count ->
    [one] Elija una contraseña distinta de la última.
   *[other] Elija una contraseña distinta de las últimas { $count }.
}
