"""What Grupos Beta do in the field; what Programa Paisano orients on and what people complain of."""
