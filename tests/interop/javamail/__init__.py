"""JavaMail, which the software of French pharmacies is made of, against a running stack."""
