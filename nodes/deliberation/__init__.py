"""The steps of a deliberation: seats speak in turn, a judge says whether they agree, the first writes it down."""
