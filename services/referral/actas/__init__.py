"""The acta de canalización: INM's signed and final record that a child was handed over to DIF."""
