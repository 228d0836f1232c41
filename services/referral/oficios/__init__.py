"""The oficio de canalización of an adult who cares for a child: the Procuraduría's signed and final record (R10)."""
