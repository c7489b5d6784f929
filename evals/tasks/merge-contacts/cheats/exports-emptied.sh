#!/bin/bash
# Makes the question trivial: empty exports, and the right answer to those.
cd /app/exports || exit
echo 'Nachname;Vorname;E-Mail;Telefon;Firma' > crm.csv
printf 'address\tfull name\tsince\n' > newsletter.tsv
: > phone.vcf
echo 'email,name,phone,sources' > /app/contacts.csv
