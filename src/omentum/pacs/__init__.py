"""DICOM over the network: DICOMweb (QIDO, WADO, STOW) and a storage service that a PACS sends to."""
