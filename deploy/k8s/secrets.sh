#!/bin/sh
# Prints the secrets that the overlays expect and no operator makes, with new random passwords:
#
#   SMTP_USERNAME=... SMTP_PASSWORD=... deploy/k8s/secrets.sh | kubectl --namespace backorder create -f -
#
# `create`, not `apply`: an existing secret stays as it is. A real secret store does the same job better; the names and
# keys are what counts. Passwords are hexadecimal because they become part of a connection URL.
set -eu

: "${SMTP_USERNAME:?the mail server's user name}"
: "${SMTP_PASSWORD:?the mail server's password}"

random() {
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

base64_of() {
    printf %s "$1" | base64 | tr -d '\n'
}

for service in gap-detector inventory-sync priority-router notifier auditor; do
    cat <<SECRET
---
apiVersion: v1
kind: Secret
type: kubernetes.io/basic-auth
metadata:
  name: $service-database
  labels:
    cnpg.io/reload: "true"
data:
  username: $(base64_of "$(echo "$service" | tr - _)")
  password: $(base64_of "$(random)")
SECRET
done

cat <<SECRET
---
apiVersion: v1
kind: Secret
type: Opaque
metadata:
  name: notifier-smtp
data:
  username: $(base64_of "$SMTP_USERNAME")
  password: $(base64_of "$SMTP_PASSWORD")
SECRET
